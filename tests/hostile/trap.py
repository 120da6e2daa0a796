"""A place in which a stranger's files are tried: canaries around them, limits on the command, a watched port.

`Trap` is one such place. It holds a checkout, and around it what a stranger would like to have: secrets in
the environment, in `.env`, in `.git/config`, beside the checkout. `Trap.run` runs the real command and lists
everything that must not have happened (`Run.faults`).
"""

import json
import os
import queue
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wechat_campaigns.core.errors import ExitCode

MEMORY: Final = 2 << 30
"""Address space of the command and of each of its workers, in bytes."""
CPU_S: Final = 30
WALL_S: Final = 120.0
GRACE_S: Final = 20.0
"""What a command has started may end this much later, such as a helper of git."""
FILE_BYTES: Final = 64 << 20
"""The longest file it may write."""
OUTPUT_BYTES: Final = 10_000_000
"""The most that it may print, a kilobyte for each of 10,000 sends: nobody reads more."""
CODES: Final = frozenset(int(code) for code in ExitCode) - {1}
"""Exit codes of the command; 1 stands for a bug."""
ENVIRONMENT_CANARIES: Final = {
    "WECHAT_MAIN_SECRET": "c0ffee00c0ffee00c0ffee00c0ffee01",
    "CAMPAIGN_LEDGER_TOKEN": "canary-ledger-token-5d1f7b",
    "PGPASSWORD": "canary-database-password-91c2",
    "AWS_SECRET_ACCESS_KEY": "canary-cloud-key-77aa41",
    "WECOM_ROBOT_URL": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=canary-robot-3e8d",
}
FILE_CANARY: Final = "canary-of-a-file-b7e02f"
CANARIES: Final = tuple(
    value.rpartition("=")[2].encode() for value in (*ENVIRONMENT_CANARIES.values(), FILE_CANARY)
)
MARKER: Final = "MARKER"
"""Part of the name of each file that any code of a stranger makes."""


class CanaryPort:
    """A port on loopback to which nothing may connect; it hangs up on who does."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.number: int = self._listening.getsockname()[1]
        self._peers: queue.Queue[int] = queue.Queue()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, peer = self._listening.accept()
                connection.close()
                self._peers.put(peer[1])

    def connections(self) -> int:
        """Count the connections since the last count; one of our own comes after all of them."""
        with socket.create_connection(("127.0.0.1", self.number)) as own:
            mine, count = own.getsockname()[1], 0
            while self._peers.get(timeout=30) != mine:
                count += 1
        return count

    def close(self) -> None:
        self._listening.close()


@contextmanager
def canary_port() -> Iterator[CanaryPort]:
    """Listen while the block runs."""
    port = CanaryPort()
    try:
        yield port
    finally:
        port.close()


@dataclass(frozen=True)
class Run:
    """How one command ended."""

    code: int
    out: str
    err: str
    faults: tuple[str, ...]
    """What must not have happened and did; empty when the checkout was held."""

    def json(self) -> Any:
        """Standard output as JSON; None when it is something else."""
        with suppress(ValueError):
            return json.loads(self.out)
        return None


@dataclass
class Trap:
    """A checkout to fill, and what surrounds it.

    Args:
        folder: an empty folder; everything lies below it.
        port: watched while commands run.
    """

    folder: Path
    port: CanaryPort

    def __post_init__(self) -> None:
        for name in ("home", "state", "tmp", "out", "checkout/.git", "checkout/campaigns"):
            (self.folder / name).mkdir(parents=True)
        secret = f"secret: {FILE_CANARY}\n"
        (self.folder / "secret.txt").write_text(secret)
        (self.folder / "secret.yaml").write_text(secret)
        (self.folder / "home" / ".netrc").write_text(f"machine github.com login x password {FILE_CANARY}\n")
        (self.checkout / ".env").write_text(f"WECHAT_MAIN_SECRET={FILE_CANARY}\n")
        (self.checkout / "secret.txt").write_text(secret)
        git = self.checkout / ".git"
        for name in ("objects", "refs/heads"):
            (git / name).mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        (git / "config").write_text(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
            f'[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic {FILE_CANARY}\n'
        )

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def campaigns(self) -> Path:
        return self.checkout / "campaigns"

    def filled(self, text: str) -> str:
        """Put this trap's paths and port into a text: @MARKER@, @TRAP@, @PORT@."""
        text = text.replace("@MARKER@", str(self.folder / MARKER)).replace("@TRAP@", str(self.folder))
        return text.replace("@PORT@", str(self.port.number))

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file below the checkout; in a text, `@…@` is filled."""
        path = self.checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert path.resolve().is_relative_to(self.folder.resolve()), "a trap writes nowhere else"
        path.write_bytes(self.filled(content).encode() if isinstance(content, str) else content)
        return path

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment of a command, secrets included."""
        path = f"{Path(sys.executable).parent}{os.pathsep}/usr/local/bin:/usr/bin:/bin"
        places = {"HOME": "home", "XDG_STATE_HOME": "state", "TMPDIR": "tmp"}
        return {
            "PATH": path,
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            **{name: str(self.folder / place) for name, place in places.items()},
            **ENVIRONMENT_CANARIES,
            **(more or {}),
        }

    def run(
        self,
        *args: str,
        command: Sequence[str] = (sys.executable, "-m", "wechat_campaigns"),
        environ: Mapping[str, str] | None = None,
        wall_s: float = WALL_S,
        grace_s: float = GRACE_S,
        memory: int = MEMORY,
    ) -> Run:
        """Run the command in the checkout under limits, and look for everything it must not have done."""
        before = self._seen()
        self.port.connections()
        late = False
        limits = (f"--as={memory}", f"--cpu={CPU_S}", f"--fsize={FILE_BYTES}", "--core=0")
        with (self.folder / "stdout").open("wb") as out, (self.folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                ["prlimit", *limits, *command, *args], cwd=self.checkout, env=self.environment(environ),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
        try:
            process.wait(wall_s)
        except subprocess.TimeoutExpired:
            late = True
        is_left = not late and _stays(process.pid, grace_s)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        printed = [(self.folder / name).read_bytes() for name in ("stdout", "stderr")]
        for name in ("stdout", "stderr"):
            (self.folder / name).unlink()
        ended = [f"it did not end within {wall_s:.0f} s"] if late else _ended(code, printed)
        faults = [*ended, *(["it left a process running"] if is_left else []), *self._changed(before)]
        faults += [f"{canary.decode()} was printed" for canary in CANARIES if canary in b"\n".join(printed)]
        if self.port.connections():
            faults.append("it connected to the canary port")
        texts = (text.decode("utf-8", "replace") for text in printed)
        return Run(code, *texts, faults=tuple(faults))

    def _seen(self) -> dict[bytes, tuple[int, int, int]]:
        """Every file below the folder with its inode, size and time; links are not followed."""
        found = {}
        for folder, _, names in os.walk(os.fsencode(self.folder)):
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118 (names need not be UTF-8)
                with suppress(OSError):
                    status = os.lstat(path)
                    found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return found

    def _changed(self, before: Mapping[bytes, tuple[int, int, int]]) -> list[str]:
        """Return what was written where nothing may be, markers, and canaries in what was written."""
        faults = []
        allowed = [os.fsencode(self.folder / name) + b"/" for name in ("state", "tmp", "out")]
        # Pages and the state of older versions; ignored by git.
        allowed.append(os.fsencode(self.checkout / ".campaign") + b"/")
        after = self._seen()
        for path in (path for path in after if after[path] != before.get(path)):
            name = path.decode("utf-8", "replace")
            if MARKER.encode() in path.rpartition(b"/")[2]:
                faults.append(f"code ran: {name}")
            elif not any(path.startswith(place) for place in allowed):
                faults.append(f"it wrote {name}")
            elif any(canary in _bytes_of(path) for canary in CANARIES):
                faults.append(f"a secret was written to {name}")
        faults += [f"it removed {path.decode('utf-8', 'replace')}" for path in before if path not in after]
        return faults


def _bytes_of(path: bytes) -> bytes:
    """Read a regular file; anything else holds nothing."""
    try:
        return Path(os.fsdecode(path)).read_bytes() if stat.S_ISREG(os.lstat(path).st_mode) else b""
    except OSError:
        return b""


def _stays(group: int, grace_s: float) -> bool:
    """Return whether a process of the group still runs after the grace."""
    until = time.monotonic() + grace_s
    while any(_group_of(file) == group for file in Path("/proc").glob("[0-9]*/stat")):
        if time.monotonic() > until:
            return True
        time.sleep(0.05)
    return False


def _group_of(file: Path) -> int:
    """Read the process group from a file of /proc; 0 of one that has ended, though nobody waited for it."""
    with suppress(OSError):
        state, _parent, group = file.read_text(errors="replace").rpartition(")")[2].split()[:3]
        return 0 if state in "ZX" else int(group)
    return 0


def _ended(code: int, printed: Sequence[bytes]) -> Iterator[str]:
    """Judge how the command ended."""
    if code not in CODES:
        last = printed[1].decode("utf-8", "replace").strip().splitlines()[-1:]
        yield f"it ended with {code}: {''.join(last)}"
    if any(b"Traceback (most recent call last)" in text for text in printed):
        yield "a traceback was shown"
    if any(len(text) > OUTPUT_BYTES for text in printed):
        yield "it printed more than anybody reads"
    if any(character in text for text in printed for character in (b"\x1b]", b"\x1b[2J", b"\x07")):
        yield "it printed control characters of a campaign"
