"""`campaign studio` in a process of its own, and what a browser that was let in asks of it."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image

SETTINGS = "environments: {sandbox: {api: sandbox, ledger: sqlite}}\n"
TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 第一版\n"
PATIENCE_S = 120


@dataclass(slots=True)
class StudioProcess:
    """A studio that listens, and a session that was let in."""

    process: subprocess.Popen[str]
    address: str
    """With the token."""
    session: requests.Session
    log: Path

    @property
    def url(self) -> str:
        """Without the token."""
        return self.address.partition("/?")[0]

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=PATIENCE_S, **more)

    @property
    def key(self) -> str:
        """What the page sends with each write; empty where nothing may be written."""
        return self.get("/").text.partition('data-key="')[2].partition('"')[0]

    def post(
        self, path: str, body: Any = None, *, data: bytes | None = None, **headers: str
    ) -> requests.Response:
        """Write as the page does: JSON, or a file as it is."""
        known = {"X-Studio-Key": self.key, "Origin": self.url} | headers
        return self.session.post(self.url + path, json=body, data=data, headers=known, timeout=PATIENCE_S)

    def write(self, path: str, /, **values: Any) -> Any:
        """Take a step that succeeds; its answer."""
        answer = self.post(path, values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def campaign(self, name: str, **trial: str) -> Any:
        return self.get("/data/campaign", params={"id": name, **trial}).json()

    def events(self) -> Iterator[dict[str, str]]:
        """What the studio reports of itself, as it reports it."""
        with self.get("/events", stream=True) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


@contextmanager
def open_studio(folder: Path, *words: str, language: str = "en") -> Iterator[StudioProcess]:
    """Run the real command on `folder/campaigns` while the block runs.

    Args:
        folder: where the command is run.
        words: more of its command line.
        language: of the page.
    """
    log = folder / "studio.log"
    command = [sys.executable, "-m", "wechat_campaigns", "--lang", language, "studio", "--port", "0", *words]
    with log.open("w") as errors, requests.Session() as session:
        session.trust_env = False
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True, env=dict(os.environ)
        )
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), log.read_text(encoding="utf-8")
            session.get(address, timeout=PATIENCE_S)
            yield StudioProcess(process, address, session, log)
        finally:
            process.kill()
            process.communicate(timeout=30)


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


def git(folder: Path, *words: str) -> str:
    """Run git as Ann; what it wrote."""
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_checkout(tmp_path: Path) -> Path:
    """A checkout with a remote, settings and one message."""
    remote, folder = tmp_path / "remote.git", tmp_path / "shop"
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", str(remote))
    git(tmp_path, "clone", "--quiet", str(remote), str(folder))
    git(folder, "checkout", "--quiet", "-b", "main")
    (folder / "campaigns").mkdir()
    (folder / "campaigns" / "_settings.yaml").write_text(SETTINGS)
    (folder / "campaigns" / "hello.yaml").write_text(f"# 开头的说明\n{TEXT}", encoding="utf-8")
    git(folder, "add", "campaigns")
    git(folder, "commit", "--quiet", "-m", "First")
    git(folder, "push", "--quiet", "-u", "origin", "main")
    return folder


def picture() -> bytes:
    """A photo, as JPEG."""
    written = io.BytesIO()
    Image.new("RGB", (900, 383), "teal").save(written, "JPEG")
    return written.getvalue()
