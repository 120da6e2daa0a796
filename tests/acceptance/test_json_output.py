"""The JSON of every command has the published shape, and is the same in both languages."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from jsonschema import Draft7Validator

from tests.support.commands import COMMANDS
from tests.support.playground import SERVICE, Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.registry import Command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.source.schema import schema
from wechat_campaigns.workspace import LedgerWorkspace

PICTURE = Path(__file__).parents[1] / "articles" / "images" / "leaf.jpg"
TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"
NEWS = """\
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: 新品, body: news.html, cover: {file: cover.jpg}}]}
"""
RUNS = {
    "init": "init fresh",
    "reference": "reference",
    "validate": "validate",
    "fmt": "fmt --check",
    "new": "new fresh --tag 会员",
    "import": "import page.html imported",
    "render": "render sale",
    "plan": "plan sale --out plan.json --report markdown=plan.md --report html=plan.html",
    "ci outputs": "ci outputs plan.json",
    "ci publish": "ci publish plan.md",
    "ci issue": "ci issue plan.md",
    "ci notify": "ci notify plan.json",
    "ci phones": "ci phones plan.html phones",
    "preview": "preview news --to OPENID",
    "pull": "pull 新品 pulled",
    "drafts": "drafts",
    "apply": "apply sale news --auto-approve",
    "status": "status",
    "report": "report",
    "archive": "archive",
    "calendar": "calendar",
    "doctor": "doctor",
    "recall": "recall news --auto-approve",
    "tags": "tags",
    "hold": "hold main --reason x",
    "unhold": "unhold main --reason x",
    "ledger init": "ledger init",
    "ledger baseline": "ledger baseline fresh --reason x",
    "ledger log": "ledger log",
    "ledger verify": "ledger verify",
    "ledger guard": "ledger guard --reason x --auto-approve",
    "approve": "approve plan.json",
    "withdraw": "withdraw --all --reason x --env asks",
    "ledger settle": "ledger settle lost --sent 3147483707 --reason x",
    "ledger import": "ledger import ledger.jsonl --as-backup x",
}
"""Each command that has JSON, in an order in which each has something to say."""

SERVERS = {
    "sandbox": "sandbox --port 0",
    "studio": "studio --port 0",
    "listen": "listen --port 0",
}
"""The commands that print a line once they are ready, and stay."""

WRONG = {
    "init": "init --ci github",
    "fmt": "fmt nothing",
    "new": "new _fresh",
    "import": "import nothing.html imported",
    "ci publish": "ci publish ledger.jsonl",
    "sandbox": "sandbox --host 0.0.0.0",
}
"""What a command is called with where broken settings do not end it."""
NEVER_FAILS = {"reference", "ci issue"}


def strict(node: Any) -> Any:
    if isinstance(node, dict):
        closed = {key: strict(value) for key, value in node.items()}
        if isinstance(node.get("properties"), dict) and "type" in node:
            closed.setdefault("additionalProperties", False)
        return closed
    return [strict(value) for value in node] if isinstance(node, list) else node


def validator(name: str) -> Draft7Validator:
    if name == "plan":
        return Draft7Validator(strict(schema("plan")))
    output = schema("output")
    return Draft7Validator(
        strict({"definitions": output["definitions"], **output["definitions"][name.replace(" ", "-")]})
    )


_MOMENT = re.compile(r"\d\d:\d\d|\d+ s\b")
"""What is another one when it is asked again."""
WORDS = ("reason", "hint", "message", "note", "notes", "help", "faults", "recipients")
"""The keys whose values are sentences."""


def make_shop(sandbox: Sandbox, folder: Path) -> None:
    """Campaigns in the present folder; the send `lost` is unknown."""
    folder.mkdir()
    os.chdir(folder)
    sandbox.reset()
    campaigns = campaigns_on(sandbox, folder)
    settings = (campaigns / "_settings.yaml").read_text(encoding="utf-8")
    asks = "approvals: {approvers: {ann: " + 64 * "a" + "}}, api:"
    more = settings.splitlines()[1].replace("environments: {test:", "{asks:").replace("api:", asks)
    (campaigns / "_settings.yaml").write_text(
        settings.replace("environments: {", f"environments: {{{more[1:-1]}, "), encoding="utf-8"
    )
    (campaigns / "lost.yaml").write_text(TEXT.replace("你好", "再见"), encoding="utf-8")
    sandbox.fault(endpoint="message/mass/sendall", kind="cut_before")
    assert run(["apply", "--auto-approve", "--quiet"]) == ExitCode.UNKNOWN
    assert run(["ledger", "export", "--out", "ledger.jsonl", "--quiet"]) == ExitCode.OK
    with LedgerWorkspace(campaigns) as workspace:
        data = {"plan_digest": "0" * 64, "environment": "test"}
        entry = Entry(stream=SERVICE, kind=LedgerKind.APPROVED, data=data)
        workspace.ledger.append(entry, after=workspace.ledger.read(SERVICE)[-1].head)
    (campaigns / "sale.yaml").write_text(TEXT, encoding="utf-8")
    (campaigns / "news.yaml").write_text(NEWS, encoding="utf-8")
    (campaigns / "news.html").write_text("<p>新品上市</p>", encoding="utf-8")
    Path("page.html").write_text("<title>春茶</title><p>新品上市</p>", encoding="utf-8")
    (campaigns / "cover.jpg").write_bytes(PICTURE.read_bytes())


def outputs(
    language: str, folder: Path, openid: str, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[str, Any]]:
    """Run every command, in order; its JSON by its name."""
    for name, line in RUNS.items():
        with pytest.MonkeyPatch.context() as patch:
            if name == "ledger import":
                patch.setenv("CAMPAIGN_STATE_DIR", str(folder / "other-state"))
            capsys.readouterr()
            words = shlex.split(line.replace("OPENID", openid))
            run(["--lang", language, *words, "--format", "json"])
        captured = capsys.readouterr()
        assert captured.out, f"{name}: {captured.err}"
        for text in captured.out.splitlines():
            yield name, json.loads(text)


def sentences(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from [_MOMENT.sub("…", str(value))] if key in WORDS else sentences(value)
    elif isinstance(data, list):
        for value in data:
            yield from sentences(value)


@pytest.mark.deep
def test_each_output_has_its_shape_in_both_languages(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = {}
    for language in ("en", "zh"):
        folder = tmp_path / "shop"
        monkeypatch.setenv("CAMPAIGN_STATE_DIR", f"{folder}/state")
        make_shop(sandbox, folder)
        found = list(outputs(language, folder, sandbox.openids()[0], capsys))
        shutil.rmtree(folder)
        for name, data in found:
            faults = [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(data)]
            assert faults == [], f"{name}: {json.dumps(data, ensure_ascii=False)[:600]}"
        said[language] = [(name, *sentences(data)) for name, data in found]
    assert said["zh"] == said["en"]


@pytest.mark.deep
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_prints_where_it_is_as_json(
    name: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PUSH_TOKEN", "token123")
    settings = campaigns_on(sandbox, tmp_path) / "_settings.yaml"
    account = "callback: {token: {env: PUSH_TOKEN}}, kind: service"
    text = settings.read_text(encoding="utf-8").replace("kind: service", account)
    settings.write_text(text, encoding="utf-8")
    assert run(["ledger", "init"]) == ExitCode.OK
    words = ["--lang", "zh", *SERVERS[name].split(), "-o", "json", "--report", "json=ready.json"]
    started = subprocess.Popen([sys.executable, "-m", "wechat_campaigns", *words], stdout=subprocess.PIPE)
    with started:
        assert started.stdout is not None
        line = started.stdout.readline()
        ready = json.loads(line)
        try:
            if name == "listen":
                with urlopen(f"{ready['url']}/readyz") as answer:
                    assert answer.read() == b"ok\n"
            with socket.create_connection((urlsplit(ready["url"]).hostname, urlsplit(ready["url"]).port), 10):
                started.terminate()
            assert started.communicate(timeout=60)[0] == b""
        finally:
            started.kill()
    assert started.returncode == ExitCode.OK
    assert list(validator(name).iter_errors(ready)) == []
    assert Path("ready.json").read_bytes() == line


MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}")
PATHS = {"file", "files", "written", "kept", "changed", "bodies", "pictures", "missing", "skipped"}
"""The keys whose values name files."""
ROWS = {"plan": "sends", "apply": "outcomes", "status": "sends", "report": "sends"}
"""By command, the rows that give a reason."""


def values(data: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text with the key that it stands below; the keys of paths are texts, too."""
    if isinstance(data, dict):
        for name, value in data.items():
            if key in PATHS:
                yield key, name
            yield from values(value, name if key not in PATHS else "")
    elif isinstance(data, list):
        for value in data:
            yield from values(value, key)
    elif isinstance(data, str):
        yield key, data


@pytest.mark.deep
def test_machines_get_moments_with_a_zone_codes_and_paths_of_the_repository(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Walked in a folder of a repository, of which a path names the whole way."""
    folder = tmp_path / "repository" / "team" / "shop"
    folder.parent.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", tmp_path / "repository"], check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", f"{tmp_path}/state")
    make_shop(sandbox, folder)
    window = "not_before: 2026-01-01 08:00\nnot_after: 2126-01-01 20:00\n"
    Path("campaigns/sale.yaml").write_text(window + TEXT, encoding="utf-8")
    Path("campaigns/over.yaml").write_text("not_after: 2026-01-01 20:00\n" + TEXT, encoding="utf-8")
    moments, paths, codes = 0, set[str](), set[str]()
    for name, data in outputs("en", tmp_path, sandbox.openids()[0], capsys):
        for key, text in values(data):
            if MOMENT.match(text):
                assert datetime.fromisoformat(text).tzinfo is not None, f"{name}: {key}: {text}"
                moments += 1
            if (key in PATHS and name != "import") or key in ("file", "bodies"):
                assert text.startswith("team/shop/"), f"{name}: {key}: {text}"
                paths.add(name)
        for row in data.get(ROWS.get(name, ""), ()):
            assert row["code"], f"{name}: {row}"
            codes.add(f"{name} {row['code']}")
    assert moments > 30
    assert paths == {"init", "fmt", "new", "import", "pull", "plan"}
    assert {"apply accepted", "status unknown", "status sent", "status window_ended"} <= codes


def test_problems_name_files_from_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "team" / "campaigns"
    folder.mkdir(parents=True)
    (folder / "sale.yaml").write_text("filter: 会员\n", encoding="utf-8")
    for inside, argument in (
        (tmp_path, "team/campaigns"),
        (folder, "."),
        (folder, str(folder)),
        (Path("/"), str(folder)),
    ):
        monkeypatch.chdir(inside)
        for kind in ("json", "codequality", "github"):
            assert run(["validate", "--dir", argument, "-o", kind]) == ExitCode.INVALID
            out = capsys.readouterr().out
            if kind == "github":
                assert "file=team/campaigns/sale.yaml," in out
                continue
            found = json.loads(out)["problems"] if kind == "json" else json.loads(out)
            files = {one["file"] if kind == "json" else one["location"]["path"] for one in found}
            assert "team/campaigns/sale.yaml" in files
            assert all(file.startswith("team/campaigns/") for file in files)


def test_an_export_has_its_shape(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    campaigns_on(sandbox, tmp_path)
    assert run(["ledger", "init"]) == ExitCode.OK
    capsys.readouterr()
    assert run(["ledger", "export"]) == ExitCode.OK
    first, *events = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(validator("ledger export").iter_errors(first)) == []
    assert events
    assert [fault for event in events for fault in validator("ledger log").iter_errors(event)] == []


@pytest.mark.parametrize("name", sorted({*RUNS, *SERVERS} - NEVER_FAILS))
def test_an_error_has_its_shape_too(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ledger.jsonl").touch()
    (tmp_path / "campaigns").mkdir()
    Path("campaigns/_settings.yaml").write_text("environments: 会员\n", encoding="utf-8")
    Path("campaigns/sale.yaml").write_text("filter: 会员\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    line = WRONG.get(name, {**RUNS, **SERVERS}[name]).replace("OPENID", "o" * 28)
    code = run([*shlex.split(line), "-o", "json"])
    out = capsys.readouterr().out
    if name == "validate":
        assert list(validator("validate").iter_errors(json.loads(out))) == []
        return
    check_failure(out)
    assert json.loads(out)["error"]["exit_code"] == code != ExitCode.OK


@pytest.mark.parametrize(
    "line",
    [
        "plan --nonsense -o json",
        "plan -ojson --var",
        "nonsense --format=json",
        "apply --format json --wait never",
        "hold main -qo json",
        "ledger nonsense -o json",
        "plan sale -o json --report nonsense",
        "plan sale -o json --var nonsense",
    ],
)
def test_a_wrong_command_line_is_answered_in_json_once(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = []
    for language in ("en", "zh"):
        assert run(["--lang", language, *line.split()]) == ExitCode.USAGE
        captured = capsys.readouterr()
        assert captured.err
        check_failure(captured.out)
        answers.append(json.loads(captured.out)["error"])
    assert answers[0]["exit_code"] == ExitCode.USAGE
    assert [one.pop("message") != "" for one in answers] == [True, True]  # in the language in use
    assert answers[0] == answers[1]
    assert run(line.replace("json", "text").split()) == ExitCode.USAGE
    assert capsys.readouterr().out == ""


def test_a_refusal_before_the_command_is_answered_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMPAIGN_READ_ONLY", "1")
    assert run(["apply", "-o", "json"]) == ExitCode.POLICY
    out = capsys.readouterr().out
    check_failure(out)
    assert json.loads(out)["error"]["exit_code"] == ExitCode.POLICY


def check_failure(text: str) -> None:
    faults = [
        f"{error.json_path}: {error.message}" for error in validator("failure").iter_errors(json.loads(text))
    ]
    assert faults == []


def test_every_command_with_json_is_run() -> None:
    assert {*RUNS, *SERVERS} == {
        path
        for path, command in COMMANDS.items()
        if isinstance(command, Command) and "json" in command.formats
    }
