"""`campaign doctor --smoke`: three calls that reach nobody, on strict, lenient and odd answers."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.playground import TEST, Command, Sandbox
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.protocol.verdict import REJECTING
from wechat_campaigns.send.smoke import CALLS, TO_NO_OPENID, TO_NO_TAG
from wechat_sandbox.server import embedded

MASS = "/cgi-bin/message/mass/"
SETTINGS = """\
environments:
  trial:
    api: {api}
    accounts:
      trial: {{kind: test, appid: wx0000000000000003, secret: {{env: WECHAT_SECRET}}}}
      main: {{kind: service, appid: wx0000000000000001, secret: {{env: WECHAT_SECRET}}}}
"""


@pytest.fixture(scope="module")
def _lenient_url() -> Iterator[str]:
    with embedded(strict=False) as url:
        yield url


@pytest.fixture(params=["strict", "lenient"])
def either(request: pytest.FixtureRequest, sandbox: Sandbox, _lenient_url: str) -> Sandbox:
    """The sandbox on either reading of what sources say."""
    if request.param == "strict":
        return sandbox
    lenient = Sandbox(_lenient_url)
    lenient.reset()
    return lenient


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """Runs `campaign doctor --smoke trial` against an address; exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WECHAT_SECRET", "0" * 32)
    (tmp_path / "campaigns").mkdir()

    def smoke(api: str, *more: str, account: str = "trial") -> tuple[int, str, str]:
        Path("campaigns/_settings.yaml").write_text(SETTINGS.format(api=api), encoding="utf-8")
        return command("doctor", "--env", "trial", "--smoke", account, *more)

    return smoke


def mass_calls(sandbox: Sandbox) -> list[str]:
    paths = [str(request["path"]) for request in sandbox.requests()]
    return [path.removeprefix(MASS) for path in paths if path.startswith(MASS)]


def test_every_answer_is_the_documented_one(doctor: Command, either: Sandbox) -> None:
    """Exit 0; expected and actual side by side; nothing exists afterwards that did not before."""
    code, out, err = doctor(either.url)
    assert code == ExitCode.OK
    assert "expected 48001, WeChat answered 48001 (api unauthorized)" in out
    assert "None of them can reach a follower" in err
    assert mass_calls(either) == ["get", "send", "sendall"]
    assert [account["sends"] for account in either.control("GET", "accounts")["accounts"]] == [0, 0, 0]
    assert either.call("draft/count", {}, TEST) == {"total_count": 0}
    assert not any(either.call("material/get_materialcount", {}, TEST).values())


def test_programs_read_the_same(doctor: Command, sandbox: Sandbox) -> None:
    """The JSON holds each call with what was expected and what came."""
    data = json.loads(doctor(sandbox.url, "--format", "json")[1])
    assert (data["account"], data["appid"]) == ("trial", TEST)
    assert [(call["errcode"], call["as_expected"]) for call in data["calls"]] == [
        (40059, True), (48001, True), (40152, True),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["service", "subscription"])
@pytest.mark.parametrize("body", [TO_NO_OPENID, TO_NO_TAG], ids=["send", "sendall"])
def test_no_kind_of_account_would_send_the_bodies(
    either: Sandbox, kind: str, body: dict[str, object]
) -> None:
    """Should the settings name a wrong account: certain rejections, whatever may be sent by it."""
    either.control("POST", "accounts", {"appid": TEST, "kind": kind})
    path = "message/mass/send" if "touser" in body else "message/mass/sendall"
    errcode = either.call(path, body, TEST)["errcode"]
    assert errcode in frozenset().union(*REJECTING.values())
    assert either.jobs() == []


@pytest.mark.parametrize("fault", ["clientmsgid", "recipients", "content"])
def test_each_fault_of_the_bodies_is_enough(either: Sandbox, fault: str) -> None:
    """With two of the three put right, the third still makes it a rejection."""
    either.media("draft", "news", TEST)
    good = {
        "clientmsgid": {"clientmsgid": "x" * 32},
        "recipients": {"filter": {"is_to_all": True}},
        "content": {"mpnews": {"media_id": "draft"}},
    }
    body = dict(TO_NO_TAG)
    for name, part in good.items():
        body |= part if name != fault else {}
    errcode = either.call("message/mass/sendall", body, TEST)["errcode"]
    assert errcode in CALLS[-1].expected
    assert either.jobs() == []


def test_only_certain_rejections_are_expected_of_a_mass_call() -> None:
    """What is expected is what the ledger counts as rejected."""
    certain = frozenset().union(*REJECTING.values())
    assert [code for call in CALLS[1:] for code in call.expected if code not in certain] == []


@pytest.mark.parametrize(
    ("fault", "word", "calls"),
    [
        ({"endpoint": "message/mass/get", "kind": "errcode", "errcode": 48001}, "answered 48001", 1),
        ({"endpoint": "message/mass/send", "kind": "errcode", "errcode": 40130}, "answered 40130", 2),
        ({"endpoint": "message/mass/send", "kind": "errcode", "errcode": -1}, "proves nothing", 2),
        ({"endpoint": "message/mass/sendall", "kind": "errcode", "errcode": 268488001}, "proves nothing", 3),
        ({"endpoint": "message/mass/sendall", "kind": "errcode", "errcode": 99999}, "answered 99999", 3),
        ({"endpoint": "message/mass/sendall", "kind": "garbage"}, "got no answer", 3),
        ({"endpoint": "message/mass/send", "kind": "html"}, "got no answer", 2),
        ({"endpoint": "message/mass/sendall", "kind": "http_500"}, "got no answer", 3),
        ({"endpoint": "message/mass/sendall", "kind": "cut_after"}, "got no answer", 3),
    ],
    ids=lambda value: (
        "" if not isinstance(value, dict) else "-".join(map(str, value.values())).replace("/", "-")
    ),
)
def test_another_answer_is_exit_4_and_the_last_call(
    doctor: Command, sandbox: Sandbox, fault: dict[str, object], word: str, calls: int
) -> None:
    """Nothing is called after an answer that nobody expected, and every call has its line."""
    sandbox.fault(**fault)
    code, out, _err = doctor(sandbox.url)
    assert code == ExitCode.WECHAT
    assert word in out
    assert len(set(mass_calls(sandbox))) == calls
    assert out.count("not called") == len(CALLS) - calls
    assert sum(out.count(f"{call.path.removeprefix('/cgi-bin/')}:") for call in CALLS) == len(CALLS)


def test_an_account_that_accepts_openids_is_no_test_account(doctor: Command, sandbox: Sandbox) -> None:
    """The settings say test, WeChat knows a 服务号: named by its answer, and sendall is not called."""
    sandbox.control("POST", "accounts", {"appid": TEST, "kind": "service"})
    code, out, _err = doctor(sandbox.url)
    assert code == ExitCode.WECHAT
    assert "every test account (测试号) rejects a send to openids" in " ".join(out.split())
    assert mass_calls(sandbox) == ["get", "send"]


def test_without_a_token_no_call_is_made(doctor: Command, sandbox: Sandbox) -> None:
    """The token's errcode is not taken for an answer."""
    sandbox.fault(endpoint="stable_token", kind="errcode", errcode=40164, times=None)
    code, out, err = doctor(sandbox.url)
    assert (code, out) == (ExitCode.WECHAT, "")
    assert "40164" in err
    assert mass_calls(sandbox) == []


def test_a_token_that_ends_in_between_is_no_answer(doctor: Command, sandbox: Sandbox) -> None:
    """The read gets a new token; when there is none, its errcode is not the read's."""
    sandbox.fault(endpoint="message/mass/get", kind="errcode", errcode=42001)
    sandbox.fault(endpoint="stable_token", kind="errcode", errcode=40059, skip=1, times=None)
    code, out, _err = doctor(sandbox.url)
    assert code == ExitCode.WECHAT
    assert "expected 40059, got no answer" in out


def test_other_kinds_of_account_are_refused(doctor: Command, sandbox: Sandbox) -> None:
    """A 服务号 makes no such call, in a sandbox either; a name that is missing is a mistake."""
    assert doctor(sandbox.url, account="main")[0] == ExitCode.POLICY
    assert doctor(sandbox.url, account="other")[0] == ExitCode.USAGE
    assert mass_calls(sandbox) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdin", "code", "word"),
    [
        (io.StringIO(f"{TEST}\n"), ExitCode.USAGE, "standard input is not a terminal"),
        (Terminal("yes\n"), ExitCode.INTERRUPTED, "no call was made"),
        (Terminal("trial\n"), ExitCode.INTERRUPTED, "no call was made"),
        (Terminal(f"{TEST}\n"), ExitCode.NETWORK, "HTTPS_PROXY"),
    ],
    ids=["no terminal", "yes", "the name", "the AppID"],
)
def test_a_real_account_is_confirmed_by_its_appid(
    doctor: Command, monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO, code: int, word: str
) -> None:
    """Outside the sandbox a person types the AppID; only then is a connection opened: to a dead proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(sys, "stdin", stdin)
    ended, out, err = doctor("https://api.weixin.qq.com")
    assert (ended, out) == (code, "")
    assert word in " ".join(err.split())


def test_a_read_only_machine_makes_no_mass_call(
    doctor: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That WeChat must reject them does not make them reads."""
    monkeypatch.setenv("CAMPAIGN_READ_ONLY", "1")
    code, _out, err = doctor(sandbox.url)
    assert code == ExitCode.POLICY
    assert "CAMPAIGN_READ_ONLY" in err
    assert mass_calls(sandbox) == []


def test_a_coding_agent_makes_no_mass_call_as_a_real_account(
    doctor: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could type the AppID into a terminal of its own."""
    monkeypatch.setenv("CLAUDECODE", "1")
    code, _out, err = doctor("https://api.weixin.qq.com")
    assert code == ExitCode.POLICY
    assert "coding agent" in err
