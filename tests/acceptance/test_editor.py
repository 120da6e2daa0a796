"""What an editor shows while a campaign is written, by the server that VS Code, Neovim and Zed use."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.npm_packages import node_modules
from wechat_campaigns.cli.main import run
from wechat_campaigns.messages import MSGTYPES, Text
from wechat_campaigns.source.scaffold import campaign_text

pytestmark = [pytest.mark.deep, pytest.mark.optional_part, pytest.mark.xdist_group("npm")]

ROOT = Path(__file__).parents[2]
MODELINE = "# yaml-language-server: $schema=../../schema/campaign.schema.json\n"
TEXT = (
    f"{MODELINE}filter: {{tag: 会员}}\nmsgtype: text\ncontent: 你好\nnot_before: 2026-12-01T19:00:00+08:00\n"
)
PUBLISHED = "textDocument/publishDiagnostics"


class Editor:
    """An editor with one file open; places are counted from 0."""

    def __init__(self, pipe_in: IO[bytes], pipe_out: IO[bytes], root: Path) -> None:
        self._in, self._out, self._asked = pipe_in, pipe_out, 0
        self._file = root / "campaigns" / "2026" / "sale.yaml"
        self.diagnostics: list[dict[str, Any]] = []
        self._ask("initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}})
        self._write({"method": "initialized", "params": {}})

    def open(self, text: str) -> None:
        """Open a text, and wait until the server has looked at it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(text, encoding="utf-8")
        self._asked += 1
        document = {"languageId": "yaml", "version": self._asked, "text": text, "uri": self._file.as_uri()}
        self._write({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        self._until(lambda message: message.get("method") == PUBLISHED)

    def offered(self, line: int, character: int) -> set[str]:
        answer = self._ask("textDocument/completion", self._at(line, character))
        return {item["label"] for item in (answer["items"] if isinstance(answer, dict) else answer or [])}

    def explained(self, line: int, character: int) -> str:
        answer = self._ask("textDocument/hover", self._at(line, character))
        return str(answer["contents"]["value"]) if answer else ""

    def _ask(self, method: str, params: Any) -> Any:
        self._asked += 1
        number = self._asked
        self._write({"id": number, "method": method, "params": params})
        return self._until(lambda m: m.get("id") == number and "method" not in m)["result"]

    def _at(self, line: int, character: int) -> dict[str, Any]:
        place = {"line": line, "character": character}
        return {"textDocument": {"uri": self._file.as_uri()}, "position": place}

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message = self._read()
            if message.get("method") == PUBLISHED:
                self.diagnostics = message["params"]["diagnostics"]
            if "id" in message and "method" in message:  # the server asks for settings: there are none
                items = (message.get("params") or {}).get("items", [])
                self._write({"id": message["id"], "result": [None] * len(items) or None})
            if wanted(message):
                return message

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._in.flush()

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._out.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "yaml-language-server ended"
        message: dict[str, Any] = json.loads(self._out.read(length))
        return message


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """The server beside a repository that has the schema."""
    root = tmp_path_factory.mktemp("editor")
    shutil.copytree(ROOT / "schema", root / "schema")
    needed = ["vscode-languageserver/node", "yaml-language-server"]
    modules = node_modules("yaml", {"yaml-language-server": "1.19.2"}, needed)
    command = ["node", str(modules / "yaml-language-server" / "bin" / "yaml-language-server"), "--stdio"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd=root) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield Editor(server.stdin, server.stdout, root)
        server.kill()


def test_keys_and_values_are_offered(editor: Editor) -> None:
    editor.open(MODELINE)
    assert {"filter", "msgtype", "content", "not_before", "for_each"} <= editor.offered(1, 0)
    editor.open(f"{MODELINE}msgtype: \n")
    assert set(MSGTYPES) <= editor.offered(1, 9)
    editor.open(f"{MODELINE}filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent:\n  articles:\n    - t\n")
    assert {"title", "body", "cover", "digest"} <= editor.offered(5, 7)


@pytest.mark.parametrize(
    ("msgtype", "offered", "withheld"),
    [("mpnews", "articles", "card_id"), ("image", "images", "articles"), ("mpvideo", "title", "images")],
)
def test_content_is_completed_by_its_msgtype(
    editor: Editor, msgtype: str, offered: str, withheld: str
) -> None:
    editor.open(f"{MODELINE}filter: {{tag: 会员}}\nmsgtype: {msgtype}\ncontent:\n  m\n")
    found = editor.offered(4, 3)
    assert (offered in found, withheld in found) == (True, False)


def test_keys_are_explained_and_a_wrong_one_is_underlined(editor: Editor) -> None:
    editor.open(TEXT)
    for line, words in ((1, "Exactly one of"), (2, "The kind of content"), (4, "A date and time")):
        assert words in editor.explained(line, 2)
    editor.open(TEXT.replace("tag:", "tags:"))
    assert any(found["range"]["start"]["line"] == 1 for found in editor.diagnostics)
    editor.open(campaign_text("2026/sale", Text))
    assert editor.diagnostics == []


def test_schema_command_prints_the_schema_for_the_editor(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["schema", "campaign"]) == 0
    assert capfdbinary.readouterr().out == (ROOT / "schema" / "campaign.schema.json").read_bytes()
