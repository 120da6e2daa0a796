"""Foreign text on every command's standard output and error: no terminal and no CI log obeys it."""

import json
import re
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

import wechat_campaigns
from tests.support.commands import COMMANDS
from tests.support.playground import Sandbox, campaigns_on
from tests.support.served import QuietHandler, served
from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.registry import Group
from wechat_campaigns.report.terminal import STYLES

HOSTILE = "价\x1b]0;owned\x07\x1b[2J\u202e\n::error file=a.yaml::b\n##[error]c"
_ORDER = re.compile(r"^::(?!stop-commands::|[0-9a-f]{32}::$)|##\[|[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", re.M)
_PAINT = re.compile("|".join(re.escape(f"\x1b[{code}m") for code in {*STYLES.values(), "0", "1", "31"}))
NOT_RUN = {
    **dict.fromkeys(("studio", "listen", "sandbox"), "serves until it is stopped"),
    "ledger import": "writes no text of the ledger; see test_checkpoint.py",
    "ci phones": "takes a page of ours",
}
WORDS = {
    "init": [],
    "new": [HOSTILE],
    "import": [f"{HOSTILE}.html"],
    "pull": [HOSTILE],
    "preview": ["sale", "--to", HOSTILE],
    "render": ["sale"],
    "approve": ["plan.json", "--auto-approve"],
    "withdraw": ["sale", "--reason", HOSTILE],
    "apply": ["--auto-approve"],
    "hold": ["main", "--reason", HOSTILE],
    "unhold": ["main", "--reason", HOSTILE],
    "recall": ["sale", "--auto-approve"],
    "report": ["--days", "30"],
    "ledger baseline": ["sale", "--reason", HOSTILE],
    "ledger guard": ["--reason", HOSTILE, "--auto-approve"],
    "ledger settle": ["sale", "--sent", "--reason", HOSTILE],
    "ledger export": [],
    "ci publish": ["report.md"],
    "ci outputs": ["plan.json"],
    "ci issue": ["report.md"],
    "ci notify": ["plan.json"],
    "completion": ["bash"],
}
LEAVES = [path for path, command in COMMANDS.items() if not isinstance(command, Group)]


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A campaign, a rule, a hold and a plan file whose texts are all hostile."""
    monkeypatch.chdir(tmp_path)
    root = campaigns_on(sandbox, tmp_path, f"policy: {{banned_words: [{json.dumps(HOSTILE)}]}}\n")
    text = f"filter: {{tag: {json.dumps(HOSTILE)}}}\nmsgtype: text\ncontent: {json.dumps(HOSTILE)}\n"
    (root / "sale.yaml").write_text(text, encoding="utf-8")
    (root / f"bad{HOSTILE.replace('/', '')}.yaml").write_text(f"{json.dumps(HOSTILE)}: 1\n", encoding="utf-8")
    (tmp_path / "report.md").write_text(HOSTILE, encoding="utf-8")
    (tmp_path / "plan.json").write_text(json.dumps({"environment": HOSTILE}), encoding="utf-8")
    run(["ledger", "init"])
    run(["hold", "main", "--reason", HOSTILE])
    return root


@pytest.mark.parametrize("color", ["0", "1"])
@pytest.mark.parametrize("path", LEAVES)
def test_no_command_writes_foreign_text_as_it_is(
    folder: Path, path: str, color: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if path in NOT_RUN:
        pytest.skip(NOT_RUN[path])
    capfd.readouterr()
    monkeypatch.setenv("CLICOLOR_FORCE", color)
    for more in ([], ["--unknown", HOSTILE]):
        run([*path.split(), *WORDS.get(path, []), *more])
        for stream in capfd.readouterr():
            painted = stream if color == "0" else _PAINT.sub("", stream)
            assert not _ORDER.search(painted), painted


@pytest.fixture
def answering() -> Iterator[str]:
    """A server in WeChat's place, each of whose answers is an error in hostile words."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            body = json.dumps({"errcode": 40013, "errmsg": HOSTILE}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


@pytest.mark.parametrize("words", [["tags"], ["drafts"], ["doctor"], ["plan"]])
def test_errmsg_of_several_accounts_is_inert(
    folder: Path, answering: str, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    file = folder / "_settings.yaml"
    text = re.sub(r"api: '[^']*'", f"api: '{answering}'", file.read_text(encoding="utf-8"))
    account = re.search(r"main: (\{.*?\}\})", text)
    assert account is not None
    other = account[1].replace("wx0000000000000001", "wx0000000000000002")
    text = text.replace(account[0], f"{account[0]}, other: {other}")
    file.write_text(text, encoding="utf-8")
    capfd.readouterr()
    run(words)
    out, err = capfd.readouterr()
    assert not _ORDER.search(out + err), out + err


def test_only_one_module_writes_to_a_terminal() -> None:
    """What another one printed would pass no fence; `show` of click gets a text that is inert."""
    package = Path(wechat_campaigns.__file__).parent
    writing = re.compile(
        r"\bclick\.(?:echo|secho|prompt|confirm|style)\(|\bprint\(|sys\.std(?:out|err)\.write"
    )
    found = {file.name for file in package.rglob("*.py") if writing.search(file.read_text(encoding="utf-8"))}
    assert found == {"output.py"}
