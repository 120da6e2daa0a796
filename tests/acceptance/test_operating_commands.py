"""The commands around a send as a user runs them: hold, preview, recall, listen."""

import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.playground import PICTURES, SERVICE, Command, Sandbox
from tests.support.served import QuietHandler, served
from wechat_campaigns.core.errors import ExitCode

SETTINGS = """\
environments:
  sandbox:
    api: {url}
    accounts:
      main: {{kind: service, appid: wx0000000000000001, secret: {{env: WECHAT_MAIN_SECRET}}}}
policy: {policy}
testers: {{小李: {{wxname: {wxname}}}}}
"""
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 周年庆今晚八点\n"


@pytest.fixture
def campaign(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """Runs the command in a folder with one campaign; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WECHAT_MAIN_SECRET", "0" * 32)
    (tmp_path / "campaigns").mkdir()
    settle(sandbox)
    (tmp_path / "campaigns" / "sale.yaml").write_text(SALE, encoding="utf-8")

    return command


def settle(sandbox: Sandbox, policy: str = "{}", more: str = "") -> None:
    wxname = sandbox.control("GET", "followers", appid=SERVICE)["followers"][0]["wxname"]
    text = SETTINGS.format(url=sandbox.url, policy=policy, wxname=wxname) + more
    Path("campaigns/_settings.yaml").write_text(text, encoding="utf-8")


def test_commands_in_hints_name_the_environment_they_need(campaign: Command, sandbox: Sandbox) -> None:
    settle(sandbox, policy="{require_preview: true}")
    settings = Path("campaigns/_settings.yaml")
    text = settings.read_text(encoding="utf-8")
    for name, option in (("sandbox", ""), ("staging", " --env staging")):
        settings.write_text(text.replace("sandbox:", f"{name}:", 1), encoding="utf-8")
        env = option.split()
        code, out, err = campaign("ledger", "init", *env)
        assert code == ExitCode.OK, err
        assert f"`campaign ledger baseline{option}`" in out
        code, out, _err = campaign("hold", "main", "--reason", "x", *env)
        assert (code, f"run `campaign unhold main{option} --reason REASON`" in out) == (ExitCode.OK, True)
        shown = " ".join(campaign("plan", *env)[1].split())
        assert f"`campaign unhold main{option} --reason REASON`" in shown
        assert f"`campaign preview sale{option} --to TESTER`" in shown
        assert campaign("unhold", "main", "--reason", "x", *env)[0] == ExitCode.OK
        assert campaign("preview", "sale", "--to", "小李", *env)[0] == ExitCode.OK
        sandbox.fault(endpoint="message/mass/sendall", kind="cut_before")
        code, out, _err = campaign("apply", "--auto-approve", "--quiet", *env)
        again = f"`campaign apply{option}` again in" in " ".join(out.split())
        assert (code, again) == (ExitCode.UNKNOWN, True)
        assert f"`campaign apply{option}` to resolve it" in " ".join(campaign("status", *env)[1].split())
        Path("campaigns/sale.yaml").write_text(SALE.replace("八", "九"), encoding="utf-8")
        sandbox.advance(3600)
        shown = " ".join(campaign("plan", *env)[1].split())
        assert f"`campaign ledger settle sale{option} --reason REASON`" in shown
        Path("campaigns/sale.yaml").write_text(SALE, encoding="utf-8")
        sandbox.reset()


def test_commands_in_the_hint_of_an_error_name_the_environment_too(campaign: Command) -> None:
    words = ("ledger", "settle", "x", "--sent", "3147483701", "--reason", "y")
    assert "`campaign status` to list" in campaign(*words)[2]
    _code, out, err = campaign("--lang", "zh", *words, "--env", "sandbox", "-o", "json")
    assert "run `campaign status --env sandbox` to list" in json.loads(out)["error"]["hint"]
    assert "`campaign status --env sandbox`" in err


@pytest.mark.parametrize("typed", ["价格写错了\n", "\n", "", "^C"], ids=["a reason", "none", "eof", "ctrl-c"])
def test_hold_on_a_terminal_asks_for_the_reason_afterwards(
    campaign: Command, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, _size: int | None = -1, /) -> str:
            if typed == "^C":
                raise KeyboardInterrupt
            return super().readline()

    monkeypatch.setattr("sys.stdin", Terminal(typed))
    code, out, err = campaign("hold", "main", "--for", "2h")
    assert (code, "is on hold and sends nothing" in out) == (ExitCode.OK, True), err
    holds = [line for line in campaign("ledger", "log")[1].splitlines() if " hold " in line]
    assert len(holds) == (2 if "价格" in typed else 1)
    plan = " ".join(campaign("plan")[1].split())
    assert f"on hold: {typed.strip() if '价格' in typed else 'no reason was given'}" in plan
    assert campaign("unhold", "main", "--reason", "改好了")[0] == ExitCode.OK
    assert "1 to send" in campaign("plan")[1]


def test_plan_fails_on_what_it_is_asked_to(campaign: Command) -> None:
    """The run that comes after it can tell what is held back from what was sent."""
    Path("campaigns/sale-copy.yaml").write_text(SALE, encoding="utf-8")
    code, out, _err = campaign("apply", "--auto-approve", "--quiet")
    assert (code, "1 accepted, 1 skipped" in out, "sale-copy" in out) == (ExitCode.POLICY, True, True)
    Path("campaigns/sale-copy.yaml").unlink()
    Path("campaigns/sale.yaml").write_text(SALE.replace("今晚", "明晚"), encoding="utf-8")
    assert campaign("plan", "--detailed-exitcode")[0] == ExitCode.PENDING
    code, _out, err = campaign("plan", "--fail-on-held")
    assert (code, "1 send is held back: sale" in err) == (ExitCode.POLICY, True)


def test_any_answer_but_yes_sends_nothing_and_says_so(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO("是\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    code, _out, err = campaign("apply")
    assert code == ExitCode.INTERRUPTED
    assert "Not confirmed: nothing was done." in err
    assert not sandbox.jobs()


def test_how_a_send_was_agreed_to_is_recorded(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With who ran it, where, and the plan's digest; without a terminal it must be `--auto-approve`."""
    monkeypatch.setenv("GITHUB_ACTOR", "ann")
    monkeypatch.setenv("CI_JOB_URL", "https://ci.example/7")
    terminal = io.StringIO("yes\n")
    monkeypatch.setattr("sys.stdin", terminal)
    assert campaign("apply")[0] == ExitCode.USAGE
    assert not sandbox.jobs()
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    Path("campaigns/more.yaml").write_text(SALE.replace("八", "九"), encoding="utf-8")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    assert campaign("apply")[0] == ExitCode.OK
    events = [json.loads(line) for line in campaign("ledger", "log", "--format", "json")[1].splitlines()]
    by_option, typed = (event["data"] for event in events if event["kind"] == "intent")
    who = {"user": "ann", "run": "https://ci.example/7"}
    assert by_option["actor"] == who | {"agreed": "auto_approve"}
    assert typed["actor"] == who | {"agreed": "typed"}
    assert len(typed["plan_digest"]) == 64
    settle(sandbox, "{require_approval_record: true}")
    Path("campaigns/third.yaml").write_text(SALE.replace("八", "七"), encoding="utf-8")
    assert campaign("plan", "--out", "plan.json", "--detailed-exitcode")[0] == 2
    for words in ((), ("--plan", "plan.json"), ("--allow", "require_approval_record=x")):
        code, _out, err = campaign("apply", "--auto-approve", *words)
        assert (code, len(sandbox.jobs())) == (ExitCode.POLICY if "--allow" not in words else code, 2), err
    terminal.seek(0)
    assert campaign("apply")[0] == ExitCode.OK
    assert len(sandbox.jobs()) == 3


def test_a_list_of_one_batch_is_previewed_by_the_name_of_its_campaign(
    campaign: Command, sandbox: Sandbox
) -> None:
    """`vip` means `vip#1`, since there is no other."""
    openids = [one["openid"] for one in sandbox.control("GET", "followers", appid=SERVICE)["followers"][:3]]
    text = f"filter: {{openids: {json.dumps(openids)}}}\nmsgtype: text\ncontent: 谢谢\n"
    Path("campaigns/vip.yaml").write_text(text, encoding="utf-8")
    settle(sandbox, "{require_preview: true}")
    assert campaign("preview", "vip", "--to", "小李")[0] == ExitCode.OK
    assert campaign("apply", "vip", "--auto-approve", "--quiet")[0] == ExitCode.OK
    assert campaign("preview", "vip[a]", "--to", "小李")[0] == ExitCode.USAGE


def test_exactly_what_was_previewed_may_be_sent(campaign: Command, sandbox: Sandbox) -> None:
    settle(sandbox, "{require_preview: true}")
    assert campaign("preview", "sale", "--to", "小李")[0] == ExitCode.OK
    Path("campaigns/sale.yaml").write_text(SALE.replace("八", "九"), encoding="utf-8")
    assert campaign("apply", "--auto-approve")[0] == ExitCode.POLICY
    assert campaign("preview", "sale", "--to", "小李")[0] == ExitCode.OK
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK


def test_an_override_is_recorded_with_its_reason(campaign: Command, sandbox: Sandbox) -> None:
    settle(sandbox, "{max_recipients: 1}")
    assert campaign("apply", "--auto-approve")[0] == ExitCode.POLICY
    assert campaign("apply", "--auto-approve", "--allow", "max_recipients=已审批")[0] == ExitCode.OK
    events = [json.loads(line) for line in campaign("ledger", "log", "--format", "json")[1].splitlines()]
    (intent,) = [event for event in events if event["kind"] == "intent"]
    assert intent["data"]["overrides"] == {"max_recipients": "已审批"}


def test_plan_file_gets_its_folder_and_a_place_that_cannot_be_written_is_named(
    campaign: Command, sandbox: Sandbox
) -> None:
    settle(sandbox)
    assert campaign("plan", "--out", "new/folder/plan.json")[0] == ExitCode.OK
    assert json.loads(Path("new/folder/plan.json").read_bytes())["sends"]
    code, _out, err = campaign("plan", "--out", "new/folder/plan.json/plan.json")
    assert (code, "--out new/folder/plan.json/plan.json" in err) == (ExitCode.USAGE, True)


def test_recall_needs_the_account_of_a_moved_campaign(campaign: Command) -> None:
    side = "{kind: subscription, appid: wx0000000000000002, secret: {env: WECHAT_MAIN_SECRET}}"
    settings = Path("campaigns/_settings.yaml")
    both = settings.read_text(encoding="utf-8").replace("accounts:\n", f"accounts:\n      side: {side}\n")
    settings.write_text(both, encoding="utf-8")
    for name in ("main", "side"):
        Path("campaigns/sale.yaml").write_text(
            f"account: {name}\nfilter: {{is_to_all: true}}\nmsgtype: text\ncontent: 茶到了\n",
            encoding="utf-8",
        )
        assert campaign("apply", "--auto-approve", "--allow", "allow_to_all=x")[0] == ExitCode.OK
    code, _out, err = campaign("recall", "sale", "--auto-approve")
    assert code == ExitCode.USAGE
    assert "add `--account` with one of: main, side" in err
    code, _out, err = campaign("recall", "sale", "--account", "side", "--auto-approve")
    assert "msgtype text" in err


def write_articles(for_each: str = "") -> None:
    article = '{title: "秋茶{{ city }}", body: tea.md, cover: {file: leaf.jpg}}'
    entries = f"for_each: {for_each}\n" if for_each else "vars: {city: ''}\n"
    Path("campaigns/sale.yaml").write_text(
        f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {{articles: [{article}]}}\n{entries}",
        encoding="utf-8",
    )
    Path("campaigns/tea.md").write_text("今年的茶到了。\n", encoding="utf-8")
    Path("campaigns/leaf.jpg").write_bytes((PICTURES / "leaf.jpg").read_bytes())


@pytest.mark.deep
def test_whole_for_each_is_previewed_looked_up_and_recalled_at_once(
    campaign: Command, sandbox: Sandbox
) -> None:
    write_articles("{a: {vars: {city: 甲}}, b: {vars: {city: 乙}}}")
    code, out, _err = campaign("preview", "sale", "--to", "小李", "--to", "tester9", "--format", "json")
    assert code == ExitCode.OK
    rows = [(row["send"], row["tester"]) for row in json.loads(out)["previews"]]
    assert rows == [(f"sale[{key}]", name) for key in "ab" for name in ("小李", "tester 2")]
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    campaign("status", "sale", "--wait")
    assert campaign("recall", "sale[a]", "--reason", "价格写错了", "--auto-approve")[0] == ExitCode.OK
    code, out, err = campaign("recall", "sale", "--auto-approve", "--format", "json")
    assert (code, "already recalled" in err) == (ExitCode.USAGE, True)
    assert [row["error"] for row in json.loads(out)["recalls"]] == ["already recalled", None]
    assert len([r for r in sandbox.requests() if r["path"].endswith("mass/delete")]) == 2
    status = json.loads(campaign("status", "sale", "--format", "json")[1])["sends"]
    assert [row["status"] for row in status] == ["recalled", "recalled"]
    assert [("价格写错了" in row["note"], "`revision`" in row["hint"]) for row in status] == [
        (True, True),
        (False, True),
    ]


def test_scheduled_send_names_the_command_of_its_environment(campaign: Command, sandbox: Sandbox) -> None:
    """Copied as it stands, it must not apply the default environment, nor lack the reviewed plan."""
    named = " ".join(campaign("plan", "--env", "sandbox")[1].split())
    assert "`campaign apply --env sandbox` asks for confirmation; now it would make 1 send" in named
    Path("campaigns/sale.yaml").write_text(f"{SALE}not_before: 2099-12-01 19:30\n", encoding="utf-8")
    assert "run `campaign apply` at that time" in " ".join(campaign("plan")[1].split())
    named = " ".join(campaign("plan", "--env", "sandbox")[1].split())
    assert "run `campaign apply --env sandbox` at that time" in named
    settings = Path("campaigns/_settings.yaml")
    protected = settings.read_text(encoding="utf-8").replace("    api:", "    protected: true\n    api:")
    settings.write_text(protected, encoding="utf-8")
    said = " ".join(campaign("plan", "--out", "plan.json")[1].split())
    assert "or `campaign apply --plan plan.json --wait` before it" in said
    code, out, _err = campaign("apply", "--plan", "plan.json", "--auto-approve", "--quiet")
    assert (code, "run `campaign apply --plan plan.json` at that time" in " ".join(out.split())) == (0, True)


def test_listen_reports_missing_settings(campaign: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has `callback` in its settings" in campaign("listen", "--port", "0")[2]
    text = Path("campaigns/_settings.yaml").read_text(encoding="utf-8")
    secrets = "callback: {token: {env: WECHAT_T}, aes_key: {env: WECHAT_K}}"
    with_callback = text.replace("SECRET}}", f"SECRET}}, {secrets}}}")
    Path("campaigns/_settings.yaml").write_text(with_callback, encoding="utf-8")
    code, _, err = campaign("listen", "--port", "0")
    assert code == ExitCode.SECRET
    assert "WECHAT_T" in err
    monkeypatch.setenv("WECHAT_T", "token")
    monkeypatch.setenv("WECHAT_K", "too-short")
    code, _, err = campaign("listen", "--port", "0")
    assert code == ExitCode.SECRET
    assert "43 letters" in err
    assert "too-short" not in err


@contextmanager
def robot(
    status: int, answer: bytes = b'{"errcode": 0}', before: Callable[[], object] = lambda: None
) -> Iterator[tuple[str, list[Any]]]:
    bodies: list[Any] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            before()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

    with served(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/send?key=very-secret", bodies


def test_invalid_campaign_does_not_hide_unknown_sends(campaign: Command, sandbox: Sandbox) -> None:
    sandbox.fault(endpoint="message/mass/sendall", kind="cut_after")
    assert campaign("apply", "--auto-approve")[0] == ExitCode.UNKNOWN
    Path("campaigns/broken.yaml").write_text("filter: {", encoding="utf-8")
    code, out, err = campaign("apply", "--auto-approve")
    assert code == ExitCode.INVALID
    assert "Outcome still unknown: sale." in err
    assert (out + err).count("campaigns/broken.yaml:") == 1
    assert "Error: 1 problem found" in err
    assert len(sandbox.jobs()) == 1


def test_selection_does_not_hide_other_unknown_sends(campaign: Command, sandbox: Sandbox) -> None:
    sandbox.fault(endpoint="message/mass/sendall", kind="cut_after")
    assert campaign("apply", "--auto-approve")[0] == ExitCode.UNKNOWN
    Path("campaigns/tea.yaml").write_text(SALE.replace("周年庆", "品鉴会"), encoding="utf-8")
    for _ in range(2):
        code, out, _ = campaign("apply", "tea", "--auto-approve", "--quiet", "-o", "json")
        told = {one["id"]: one["result"] for one in json.loads(out)["outcomes"]}
        assert (code, told["sale"]) == (ExitCode.UNKNOWN, "unknown")
    assert len(sandbox.jobs()) == 2
    sandbox.advance(61)
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    assert campaign("apply", "tea", "--auto-approve")[0] == ExitCode.OK


def test_log_distinguishes_forgotten_uploads(campaign: Command, sandbox: Sandbox) -> None:
    Path("campaigns/cup.png").write_bytes((PICTURES / "cup.png").read_bytes())
    Path("campaigns/sale.yaml").write_text(
        "filter: {tag: 会员}\nmsgtype: image\ncontent: {images: [{file: cup.png}]}\n", encoding="utf-8"
    )
    sandbox.fault(endpoint="message/mass/sendall", kind="errcode", errcode=40007)
    assert campaign("apply", "--auto-approve")[0] == ExitCode.FAILED
    made, forgotten = [line for line in campaign("ledger", "log")[1].splitlines() if " upload " in line]
    assert forgotten.split()[-2] == "forgotten"
    assert "forgotten" not in made
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    assert campaign("ledger", "log")[1].count("forgotten") == 1


def test_the_command_after_a_plan_sends_what_the_plan_shows(campaign: Command, sandbox: Sandbox) -> None:
    """A plan of a selection names that selection: without it, apply would send more."""
    Path("campaigns/tea.yaml").write_text(SALE.replace("周年庆", "今年{{ what }}"), encoding="utf-8")
    words = ["plan", "tea*", "--var", "what=品鉴会", "--out", "my plan.json"]
    told = campaign(*words)[1]
    command = re.search("To send this: `campaign (apply [^`]*)`", told)
    assert command is not None
    code, out, _ = campaign(*shlex.split(command[1]), "--auto-approve", "-o", "json")
    assert code == ExitCode.OK
    assert [outcome["id"] for outcome in json.loads(out)["outcomes"]] == ["tea"]
    assert len(sandbox.jobs()) == 1


def test_an_unknown_send_of_a_protected_environment_names_the_plan(
    campaign: Command, sandbox: Sandbox
) -> None:
    settings = Path("campaigns/_settings.yaml")
    protected = settings.read_text(encoding="utf-8").replace("    api:", "    protected: true\n    api:")
    settings.write_text(protected, encoding="utf-8")
    campaign("plan", "--out", "plan.json")
    sandbox.fault(endpoint="message/mass/sendall", kind="cut_after")
    words = ("apply", "--plan", "plan.json", "--auto-approve", "--quiet")
    texts = [campaign(*words)[1], campaign("plan")[1], campaign("status")[1]]
    for text in texts:
        assert "`campaign apply --plan FILE`" in " ".join(text.split())
    sandbox.advance(61)
    assert campaign(*words)[0] == ExitCode.OK
    assert len(sandbox.jobs()) == 1


def test_a_run_that_applies_a_plan_does_not_tell_to_apply_it(campaign: Command) -> None:
    text = f"{SALE.replace('周年庆', '明年')}not_before: 2099-12-01 19:30\n"
    Path("campaigns/later.yaml").write_text(text, encoding="utf-8")
    for _ in range(2):
        code, out, err = campaign("apply", "--auto-approve")
        assert code == ExitCode.OK
        assert "Summary: " in err
        assert not re.search("campaign apply|--all|only a plan", err)
    assert "run `campaign apply` at that time" in " ".join(out.split())
