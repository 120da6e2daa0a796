"""Reads the fenced blocks of a page and runs its commands, in order, in a folder of the page's own.

A block `console` or `bash` is run: lines that begin with `$ ` are commands, the lines after one are what it
prints (`…` stands for any lines). `title="FILE"` on another block writes that file. A title `in another
terminal` starts a server; `not run: REASON` is the only way out, and readers see it on the site.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]+)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S)
TITLE = re.compile(r'title="([^"]*)"')
SHELLS = ("console", "bash", "shell", "sh")
EXAMPLES = "<!-- starts with: the examples -->"
PORT = "8090"
TIMEOUT_S = 120
CHANGING = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "DATE"),
    (r"\b20\d\d-\d\d\b", "MONTH"),
    (r"(commit|提交) [0-9a-f]{12}(-dirty)?", "COMMIT"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\s+$", ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block; `line` counts from 1."""

    language: str
    title: str
    body: str
    line: int

    @property
    def why_not_run(self) -> str | None:
        """The reason given for not running it."""
        return self.title.removeprefix("not run: ") if self.title.startswith("not run: ") else None


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        language, _, rest = found["info"].partition(" ")
        title = TITLE.search(rest)
        body = "\n".join(line.removeprefix(found["indent"]) for line in found["body"].splitlines())
        yield Block(
            language=language,
            title=title.group(1) if title else "",
            body=body,
            line=text.count("\n", 0, found.start()) + 1,
        )


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block with the lines that it is shown to print."""
    current: tuple[str, list[str]] | None = None
    for line in block.body.splitlines():
        if line.startswith("$ "):
            if current:
                yield current
            current = (line[2:], [])
        elif current and current[0].endswith("\\"):
            current = (f"{current[0]}\n{line}", [])
        elif current:
            current[1].append(line)
        else:
            assert line.startswith("# "), f"line {block.line}: a command begins with `$ `"
    if current:
        yield current


@dataclass
class Reader:
    """Does in a folder what a page says."""

    folder: Path
    skipped: tuple[str, ...] = ()
    where: Path = field(init=False)
    variables: dict[str, str] = field(default_factory=dict)
    port: int = 0
    language: str = "C.UTF-8"
    servers: list[subprocess.Popen[str]] = field(default_factory=list)
    ran: int = 0

    def __post_init__(self) -> None:
        self.where = self.folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def follow(self, page: Path) -> int:
        """Do what the page says; count the commands that were run."""
        self.language = "zh_CN.UTF-8" if ".zh-CN" in page.suffixes else self.language
        if EXAMPLES in page.read_text(encoding="utf-8") or page.parent == ROOT:
            self._examples()
        try:
            for block in blocks(page):
                self._do(block, f"{page.name}:{block.line}")
        finally:
            for server in self.servers:
                server.terminate()
                server.communicate(timeout=20)
        return self.ran

    def _do(self, block: Block, place: str) -> None:
        if block.language in SHELLS:
            if block.title == "in another terminal":
                self._serve(block)
            elif block.why_not_run is None:
                for command, shown in commands(block):
                    if command in self.skipped:
                        continue
                    self._run(command, shown, place)
        elif "/" in block.title or block.title.endswith((".py", ".yaml", ".md")):
            target = self.where / block.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(f"{block.body}\n", encoding="utf-8")

    def _run(self, command: str, shown: list[str], place: str) -> None:
        # Where a command leaves the shell, and the variables it sets, are kept for the next one.
        kept = self.folder / ".kept"
        script = f"set -a\n{self._here(command)}\ncode=$?; pwd > {kept}; env -0 >> {kept}; exit $code"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.where, env=self.variables or self._environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        self.ran += 1
        assert done.returncode == 0, f"{place}: {command} ended with {done.returncode}\n{done.stdout}"
        where, _, variables = kept.read_text(encoding="utf-8").partition("\n")
        self.where = Path(where)
        self.variables = dict(pair.split("=", 1) for pair in variables.split("\0") if "=" in pair)
        while shown and not shown[-1].strip():
            shown.pop()
        if shown:
            told, said = normal(shown), normal(done.stdout.rstrip("\n").splitlines())
            assert matches(told, said), f"{place}: {command} prints\n{done.stdout}"

    def _here(self, command: str) -> str:
        """Use a port that is free here for the one that the pages name."""
        return command.replace(PORT, str(self.port))

    def _serve(self, block: Block) -> None:
        ((command, _),) = commands(block)
        server = subprocess.Popen(
            ["bash", "-c", f"exec {self._here(command)}"], cwd=self.where, env=self._environment(),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        assert server.stdout.readline().rpartition(" ")[2].startswith("http://127.0.0.1:")
        self.servers.append(server)

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {
            "PATH": path, "HOME": os.environ["HOME"], "COLUMNS": "110", "USER": "reader",
            "CAMPAIGN_STATE_DIR": os.environ["CAMPAIGN_STATE_DIR"],
            "LANG": self.language, "LC_CTYPE": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip

    def _examples(self) -> None:
        shutil.copytree(ROOT / "campaigns", self.folder / "campaigns")
        git = ["git", "-c", "user.name=reader", "-c", "user.email=reader@example.com"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "examples"]):
            subprocess.run([*git, *words], cwd=self.folder, check=True, env=self._environment())


def normal(lines: list[str]) -> list[str]:
    """Take out what differs between two runs: moments, commits, ports."""
    for pattern, word in CHANGING:
        lines = [re.sub(pattern, word, line) for line in lines]
    return lines


def matches(told: list[str], said: list[str]) -> bool:
    """Compare line by line; `…` stands for any number of lines, none included."""
    if not told:
        return not said
    if told[0] == "…":
        return any(matches(told[1:], said[start:]) for start in range(len(said) + 1))
    return bool(said) and told[0] == said[0] and matches(told[1:], said[1:])
