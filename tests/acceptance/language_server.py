"""A small client for yaml-language-server: opens one file, asks for completion, hover and diagnostics."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.support.npm_packages import node_modules

ANSWER_WITHIN_S = 60


def installed() -> list[str]:
    """Return the command of the server, from npm."""
    needed = ["vscode-languageserver/node", "yaml-language-server"]
    modules = node_modules("yaml", {"yaml-language-server": "1.19.2"}, needed)
    return ["node", str(modules / "yaml-language-server" / "bin" / "yaml-language-server"), "--stdio"]


class Editor:
    """An editor with one file open."""

    def __init__(self, pipe_in: IO[bytes], pipe_out: IO[bytes], root: Path) -> None:
        self._in = pipe_in
        self._out = pipe_out
        self._asked = 0
        self._uri = ""
        self.diagnostics: list[dict[str, Any]] = []
        self.ask("initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}})
        self._write({"method": "initialized", "params": {}})

    def open(self, file: Path, text: str) -> None:
        """Open a file and wait until the server has looked at it."""
        self._uri = file.as_uri()
        document = {"uri": self._uri, "languageId": "yaml", "version": 1, "text": text}
        self._write({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        self._until(lambda message: message.get("method") == "textDocument/publishDiagnostics")

    def completions(self, line: int, character: int) -> list[str]:
        """What the editor offers at a place, counted from 0."""
        answer = self.ask("textDocument/completion", self._at(line, character))
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return [item["label"] for item in items]

    def hover(self, line: int, character: int) -> str:
        """What the editor explains at a place, counted from 0."""
        answer = self.ask("textDocument/hover", self._at(line, character))
        return str(answer["contents"]["value"]) if answer else ""

    def ask(self, method: str, params: Any) -> Any:
        self._asked += 1
        number = self._asked
        self._write({"id": number, "method": method, "params": params})
        return self._until(lambda m: m.get("id") == number and "method" not in m)["result"]

    def _at(self, line: int, character: int) -> dict[str, Any]:
        return {"textDocument": {"uri": self._uri}, "position": {"line": line, "character": character}}

    def _until(self, wanted: Any) -> dict[str, Any]:
        begin = time.monotonic()
        while time.monotonic() - begin < ANSWER_WITHIN_S:
            message = self._read()
            if message.get("method") == "textDocument/publishDiagnostics":
                self.diagnostics = message["params"]["diagnostics"]
            if "id" in message and "method" in message:
                # The server asks for settings: there are none.
                items = (message.get("params") or {}).get("items", [])
                self._write({"id": message["id"], "result": [None] * len(items) if items else None})
            if wanted(message):
                return message
        raise TimeoutError("yaml-language-server did not answer")

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._in.flush()

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._out.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            raise EOFError("yaml-language-server ended")
        message: dict[str, Any] = json.loads(self._out.read(length))
        return message


@contextmanager
def open_editor(root: Path) -> Iterator[Editor]:
    """Run the server while the block runs."""
    process = subprocess.Popen(
        installed(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Editor(process.stdin, process.stdout, root)
    finally:
        process.kill()
        process.wait(10)
        process.stdin.close()
        process.stdout.close()
