"""A commit takes away the rule that should hold it back: the rules of the last apply are in the ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.repository import SALE, Repository, settings
from tests.support.code_hosts import serve
from tests.support.factories import SERVICE, MemoryLedger, make_settings
from tests.support.playground import Sandbox
from wechat_campaigns.cli.confirmation import rules_confirmed
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.settings import Approvals, Drift, PlanCheck, Policy, Settings
from wechat_campaigns.ledger.guards import newest, verify_guards
from wechat_campaigns.ledger.kinds import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.plan.policy.rule_changes import (
    LOOSER,
    SettingsChange,
    changes,
    changes_since,
    edits,
    guard_data,
    rules_of,
)
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.protocol.keys import mac_key, mac_of

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("hostile-guard")]

SECRET = "5" * 32
KEY = mac_key(SECRET, SERVICE)


def with_policy(**policy: Any) -> Settings:
    return make_settings(policy=Policy(**policy))


def with_approvals(*names: str, **more: Any) -> Settings:
    return make_settings(approvals=Approvals(approvers=names, **more))


PLAIN = make_settings()
PAIRS: list[tuple[str, Settings, Settings]] = [
    ("protected", make_settings(protected=True), PLAIN),
    ("approvals.count", with_approvals("bob"), PLAIN),
    ("approvals.count", with_approvals("bob", "ann", count=2), with_approvals("bob", "ann")),
    ("approvals.approvers", with_approvals("bob"), with_approvals("bob", "eve")),
    ("approvals.approvers", with_approvals("bob"), with_approvals("eve")),
    ("approvals.not_author", with_approvals("bob"), with_approvals("bob", not_author=False)),
    ("resend_after", PLAIN, make_settings(resend_after_s=1)),
    ("resend_until", PLAIN, make_settings(resend_until_s=86400)),
    ("policy.allow_to_all", PLAIN, with_policy(allow_to_all=True)),
    ("policy.max_recipients", with_policy(max_recipients=10), with_policy(max_recipients=11)),
    ("policy.max_recipients", with_policy(max_recipients=10), PLAIN),
    ("policy.audience_drift", with_policy(audience_drift=Drift(percent=5)), PLAIN),
    (
        "policy.audience_drift",
        with_policy(audience_drift=Drift(percent=5)),
        with_policy(audience_drift=Drift(percent=5, floor=101)),
    ),
    ("policy.max_sends_per_apply", with_policy(max_sends_per_apply=1), with_policy(max_sends_per_apply=2)),
    ("policy.require_preview", with_policy(require_preview=True), PLAIN),
    ("policy.require_not_after", with_policy(require_not_after=True), PLAIN),
    ("policy.quiet_hours", with_policy(quiet_hours="22:00-08:00"), PLAIN),
    ("policy.quiet_hours", with_policy(quiet_hours="22:00-08:00"), with_policy(quiet_hours="22:00-07:59")),
    (
        "policy.timezone",
        with_policy(quiet_hours="22:00-08:00"),
        with_policy(quiet_hours="22:00-08:00", timezone="Asia/Tokyo"),
    ),
    ("policy.allowed_tags", with_policy(allowed_tags=("会员",)), with_policy(allowed_tags=("会员", 2))),
    ("policy.allowed_tags", with_policy(allowed_tags=("会员",)), PLAIN),
    (
        "policy.allowed_links",
        with_policy(allowed_links=("a.cn",)),
        with_policy(allowed_links=("a.cn", "xa.cn")),
    ),
    ("policy.allowed_links", with_policy(allowed_links=("x.a.cn",)), with_policy(allowed_links=("a.cn",))),
    ("policy.allowed_links", with_policy(allowed_links=("a.cn",)), PLAIN),
    (
        "policy.allowed_mini_programs",
        with_policy(allowed_mini_programs=("wx0000000000000001",)),
        with_policy(allowed_mini_programs=("wx0000000000000001", "wx0000000000000002")),
    ),
    ("policy.allowed_mini_programs", with_policy(allowed_mini_programs=("wx0000000000000001",)), PLAIN),
    ("policy.banned_words", with_policy(banned_words=("最佳", "极品")), with_policy(banned_words=("最佳",))),
    ("policy.required_text", with_policy(required_text=("规则",)), PLAIN),
    ("policy.require_trial", with_policy(require_trial="内测"), with_policy(require_trial="会员")),
    ("policy.require_trial", with_policy(require_trial="内测"), PLAIN),
    (
        "policy.checks",
        with_policy(checks=(PlanCheck(name="a", command=("a",)), PlanCheck(name="b", command=("b",)))),
        with_policy(checks=(PlanCheck(name="a", command=("a",)),)),
    ),
    ("policy.duplicate_content_days", PLAIN, with_policy(duplicate_content_days=0)),
    ("policy.quota_reserve", with_policy(quota_reserve=1), PLAIN),
    ("policy.levels", PLAIN, with_policy(levels={"quiet_hours": "advisory"})),
    ("ledger", make_settings(protected=True), make_settings(ledger="git")),
    ("ledger", with_approvals("bob"), make_settings(ledger="git", approvals=Approvals(approvers=("bob",)))),
]


@pytest.mark.parametrize(("key", "before", "after"), PAIRS)
def test_what_is_looser(key: str, before: Settings, after: Settings) -> None:
    assert key in {change.key for change in changes(rules_of(before), rules_of(after)) if change.is_looser}
    back = {change.key for change in changes(rules_of(after), rules_of(before)) if change.is_looser}
    if (key, after) != ("approvals.approvers", with_approvals("eve")) and key not in (
        "policy.timezone", "policy.require_trial", "ledger",
    ):  # fmt: skip
        assert key not in back


def test_every_rule_has_its_row() -> None:
    tried = {key for key, _before, _after in PAIRS}
    shown_only = {"policy.hold"}
    assert {f"policy.{entry.name}" for entry in fields(Policy)} <= tried | shown_only
    assert {f"approvals.{entry.name}" for entry in fields(Approvals)} <= tried
    assert {*LOOSER, "ledger"} <= tried


def test_what_is_only_shown() -> None:
    before = make_settings(policy=Policy(hold=True), api="https://api.weixin.qq.com")
    after = make_settings(ledger="git", api="https://api2.weixin.qq.com")
    found = changes(rules_of(before), rules_of(after))
    assert [(change.key, change.is_looser) for change in found] == [
        ("api", False),
        ("ledger", False),
        ("policy.hold", False),
    ]


def guard(ledger: MemoryLedger, now: Settings, secret: str = SECRET, **changed: Any) -> Event:
    good, _bad = verify_guards(ledger.events(SERVICE), KEY)
    before = newest(good, now.environment.name)
    entry = signed(guard_data(now, before=before), mac_key(secret, SERVICE))
    return ledger.append(replace(entry, data={**entry.data, **changed}))


def signed(data: Mapping[str, Any], key: bytes) -> Entry:
    plain = Entry(stream=SERVICE, kind=LedgerKind.GUARD, data=data)
    return replace(plain, data={**data, "mac": mac_of(key, plain)})


def test_a_guard_that_nobody_with_the_secret_wrote() -> None:
    ledger = MemoryLedger()
    old = guard(ledger, PLAIN)
    strict = guard(ledger, with_approvals("bob"))
    assert verify_guards(ledger.events(), KEY) == ((old, strict), ())
    forged = [
        guard(ledger, PLAIN, secret="6" * 32),
        guard(ledger, with_approvals("bob"), rules=rules_of(with_approvals("eve"))),
        guard(ledger, with_approvals("bob"), loosened=[["protected", "true", "false"]]),
        ledger.append(Entry(stream=SERVICE, kind=LedgerKind.GUARD, data=old.data, nonce=old.nonce)),
        ledger.append(Entry(stream=SERVICE, kind=LedgerKind.GUARD, data=strict.data, nonce=strict.nonce)),
    ]
    assert verify_guards(ledger.events(), KEY) == ((old, strict), tuple(forged))
    other = replace(old, stream="wx0000000000000009")
    assert verify_guards([other], KEY) == ((), (other,))
    assert verify_guards([strict], KEY) == ((), (strict,))
    assert verify_guards(ledger.events(), mac_key("6" * 32, SERVICE))[0] == ()


ODD: list[Mapping[str, Any]] = [
    {},
    {"rules": None},
    {"rules": [], "mac": None, "environment": 7},
    {"rules": {"policy": [1], "approvals": "bob", "protected": "yes"}, "mac": "\ud800"},
    {"rules": {"policy": {"max_recipients": "x", "quiet_hours": "ab-cd", "allowed_tags": 5}}, "mac": 5},
    {"rules": {"policy": {"levels": [], "audience_drift": 3, "max_recipients": float("nan")}}},
    {"rules": {"approvals": {"approvers": 3, "count": "many"}}, "loosened": [[1], "x", None]},
]


@pytest.mark.parametrize("data", ODD)
def test_a_guard_of_any_shape_crashes_nothing(data: Mapping[str, Any]) -> None:
    from wechat_campaigns.guard.approved_tree import guard_approvals
    from wechat_campaigns.plan.policy.rule_changes import accepted_by

    event = Event(
        stream=SERVICE, seq=1, at=datetime.now(UTC), kind=LedgerKind.GUARD, data=data,
        previous="0" * 64, hash="1" * 64,
    )  # fmt: skip
    changes_since([event], with_policy(max_recipients=3, quiet_hours="22:00-08:00", allowed_tags=("x",)))
    accepted_by([event])
    guard_approvals(event)
    assert verify_guards([event], KEY) == ((), (event,))


def test_a_person_agrees_to_looser_rules_by_name() -> None:
    asked: list[str] = []

    def answer(text: str, word: str = "yes") -> str:
        asked.append(text)
        return word

    change = SettingsChange(key="policy.max_recipients", before="10", after="1000", is_looser=True)
    assert rules_confirmed([change], answer)
    assert "policy.max_recipients: 10 → 1000" in asked[0]
    assert not rules_confirmed([change], lambda text: answer(text, "y"))
    asked.clear()
    assert rules_confirmed([], answer)
    assert asked == []


def test_every_edited_key_is_named() -> None:
    before = {"environments": {"p": {"api": "a", "accounts": {"m": {"secret": {"env": "A"}}}}}, "notify": [1]}
    after = {
        "environments": {
            "p": {"api": "b", "accounts": {"m": {"secret": {"command": ["x"]}}}},
            "q": {"api": "c"},
        }
    }
    assert [(c.key, c.before, c.after) for c in edits(before, after)] == [
        ("environments.p.accounts.m.secret.command", "–", '["x"]'),
        ("environments.p.accounts.m.secret.env", '"A"', "–"),
        ("environments.p.api", '"a"', '"b"'),
        ("environments.q.api", "–", '"c"'),
        ("notify", "[1]", "–"),
    ]


# --- by the real command --------------------------------------------------------------------------

STRICT = "policy: {max_recipients: 5000, quota_reserve: 1}\n"
LOOSE = "policy: {max_recipients: 90000}\n"


def written(sandbox: Sandbox, *more: str, policy: str = STRICT) -> str:
    return settings(sandbox, *more, policy=policy).replace("ledger: git", "ledger: sqlite:ledger.sqlite3")


@pytest.fixture
def repository(tmp_path: Path, sandbox: Sandbox) -> Iterator[Repository]:
    """A protected environment that has applied once, and a new campaign on looser rules."""
    made = Repository(folder=tmp_path, sandbox=sandbox)
    with serve(made.code_host):
        made.start(_settings=written(sandbox, "protected: true"), first=SALE.replace("八折", "九折"))
        assert digest_of(made)["settings"] == []
        done = made.apply("--expect-digest", digest_of(made)["plan_digest"])
        assert done.returncode == ExitCode.OK, done.stderr
        assert len(made.texts()) == 1
        made.merge(_settings=written(sandbox, policy=LOOSE), sale=SALE)
        yield made


def digest_of(repository: Repository, *more: str, **how: Any) -> dict[str, Any]:
    done = repository.run("plan", "--format", "json", *more, **how)
    assert done.returncode == ExitCode.OK, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


KEYS = {"protected", "policy.max_recipients", "policy.quota_reserve"}


@pytest.mark.parametrize("ci", [True, False], ids=["ci", "machine"])
def test_looser_rules_need_more_than_auto_approve(repository: Repository, ci: bool) -> None:
    """`protected` is gone, so no digest would be asked for: the rules of the last apply ask."""
    done = repository.apply(ci=ci)
    assert done.returncode == ExitCode.POLICY, done.stdout
    for key in KEYS:
        assert key in done.stderr
    assert len(repository.texts()) == 1


@pytest.fixture
def moved(repository: Repository) -> Repository:
    """The next commit takes another ledger besides, which was begun and knows of no rules."""
    ledger = "ledger: sqlite:other.sqlite3"
    loose = written(repository.sandbox, policy=LOOSE).replace("ledger: sqlite:ledger.sqlite3", ledger)
    repository.merge(_settings=loose)
    assert repository.run("ledger", "init", ci=False).returncode == ExitCode.OK
    assert (
        repository.run("ledger", "baseline", "first", "--reason", "sent", ci=False).returncode == ExitCode.OK
    )
    return repository


@pytest.mark.parametrize("ci", [True, False], ids=["ci", "machine"])
def test_another_ledger_does_not_forget_that_there_were_rules(moved: Repository, ci: bool) -> None:
    done = moved.apply(ci=ci)
    assert done.returncode == ExitCode.POLICY, done.stdout
    assert "ledger" in done.stderr
    assert len(moved.texts()) == 1
    plan = digest_of(moved, "--offline")
    assert [(row["key"], row["looser"]) for row in plan["settings"]] == [("ledger", True)]
    assert moved.apply("--expect-digest", plan["plan_digest"], ci=ci).returncode == ExitCode.OK
    assert len(moved.texts()) == 2


def test_who_holds_the_secret_agrees_to_another_ledger(moved: Repository) -> None:
    done = moved.run("ledger", "guard", "--auto-approve", "--reason", "agreed", ci=False)
    assert done.returncode == ExitCode.OK, done.stderr
    assert "sqlite:other.sqlite3" in done.stderr + done.stdout
    assert digest_of(moved)["settings"] == []
    assert moved.apply().returncode == ExitCode.OK


def test_a_copy_of_an_old_ledger_is_another_one(repository: Repository) -> None:
    out = repository.folder / "ledger.jsonl"
    assert repository.run("ledger", "export", "--out", str(out), ci=False).returncode == ExitCode.OK
    strict = written(repository.sandbox, "protected: true")
    repository.merge(_settings=strict.replace("sqlite:ledger.sqlite3", "sqlite:copy.sqlite3"))
    lost = ("--as-backup", "--reason", "lost")
    assert repository.run("ledger", "import", str(out), *lost, ci=False).returncode == ExitCode.OK
    plan = digest_of(repository, "--offline")
    assert [(row["key"], row["looser"]) for row in plan["settings"]] == [("ledger", True)]


def test_nobody_at_the_terminal_agrees(repository: Repository) -> None:
    done = repository.run("apply", ci=False, given="yes\nyes\n")
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert len(repository.texts()) == 1


def test_a_reviewed_digest_covers_the_looser_rules(repository: Repository) -> None:
    plan = digest_of(repository, "--offline")
    assert {row["key"] for row in plan["settings"] if row["looser"]} == KEYS
    text = " ".join(repository.run("plan", "--offline").stdout.split())  # long lines are broken
    assert "policy.max_recipients: 5000 → 90000" in text
    repository.merge(_settings=written(repository.sandbox, "protected: true"))
    assert digest_of(repository, "--offline")["plan_digest"] != plan["plan_digest"]
    repository.merge(_settings=written(repository.sandbox, policy=LOOSE))
    done = repository.apply("--expect-digest", "0" * 64)
    assert done.returncode == ExitCode.POLICY
    for _again in range(2):
        done = repository.apply("--expect-digest", plan["plan_digest"])
        assert done.returncode == ExitCode.OK, done.stderr
    assert len(repository.texts()) == 2
    assert digest_of(repository)["settings"] == []


def test_who_holds_the_secret_agrees(repository: Repository) -> None:
    guard = ("ledger", "guard", "--auto-approve", "--reason", "agreed")
    assert repository.run(*guard).returncode == ExitCode.POLICY
    assert repository.apply().returncode == ExitCode.POLICY
    assert repository.run(*guard, ci=False, WECHAT_MAIN_SECRET="").returncode == ExitCode.SECRET
    done = repository.run(*guard, ci=False)
    assert done.returncode == ExitCode.OK, done.stderr
    assert repository.run(*guard, ci=False).returncode == ExitCode.OK
    done = repository.apply()
    assert done.returncode == ExitCode.OK, done.stderr
    kept = [
        json.loads(line) for line in repository.run("ledger", "log", "--format", "json").stdout.splitlines()
    ]
    assert [event["data"].get("why") for event in kept if event["kind"] == "guard"] == [None, "agreed"]


def forge(repository: Repository, entry: Entry) -> None:
    (file,) = (repository.folder / ".local" / "state").rglob("ledger.sqlite3")
    ledger = SqliteLedger(file, lambda: datetime.now(UTC))
    ledger.append(entry)
    ledger.close()


@pytest.mark.parametrize("ci", [True, False], ids=["ci", "machine"])
def test_a_forged_guard_is_loud(repository: Repository, ci: bool) -> None:
    now = make_settings(policy=Policy(max_recipients=90000), name="production")
    forge(repository, signed(guard_data(now, before=None), KEY))
    digest = digest_of(repository, "--offline", WECHAT_MAIN_SECRET="")["plan_digest"]
    for run in (
        repository.apply(ci=ci),
        repository.apply("--expect-digest", digest, ci=ci),
        repository.run("plan", ci=ci),
    ):
        assert run.returncode == ExitCode.LEDGER, run.stderr
        assert "ledger guard" in run.stderr
    assert repository.run("plan", "--offline", WECHAT_MAIN_SECRET="").returncode == ExitCode.OK
    assert len(repository.texts()) == 1
    done = repository.run("ledger", "guard", "--auto-approve", "--reason", "forged", ci=False)
    assert done.returncode == ExitCode.OK, done.stderr
    done = repository.apply(ci=ci)
    assert done.returncode == ExitCode.OK, done.stderr
    assert len(repository.texts()) == 2


def test_every_edited_key_is_in_the_plan_and_the_comment(repository: Repository, tmp_path: Path) -> None:
    base = repository.git("rev-parse", "HEAD")
    secret = "{command: [vault, read, wx]}"
    more = settings(repository.sandbox, "approvals: {approvers: [eve]}", secret=secret)
    repository.merge(_settings=more.replace("127.0.0.1", "localhost"))
    shown = tmp_path / "plan.md"
    done = repository.run(
        "plan", "--offline", "--changed-since", base, "--report", f"markdown={shown}", event="pull_request"
    )
    assert done.returncode == ExitCode.OK, done.stderr
    at = "environments.production"
    for text in (done.stdout, shown.read_text(encoding="utf-8")):
        for key in ("api", "ledger", "approvals.approvers", "accounts.main.secret.command"):
            assert f"{at}.{key}: " in text
        assert '–  → ["vault","read","wx"]'.replace("  ", " ") in text
        assert f'{at}.accounts.main.secret.env: "WECHAT_MAIN_SECRET" → –' in text


# --- what repeats and refusals do to the guard --------------------------------------------------------

UNFENCED = "protected: false", "resend_after: 1", "resend_until: 72000"
"""The last key only names the default."""


def calls(repository: Repository) -> int:
    return sum(row["path"].endswith("/sendall") for row in repository.sandbox.requests())


@pytest.mark.parametrize("file", ["kept", "gone"])
@pytest.mark.parametrize("ci", [True, False], ids=["ci", "machine"])
def test_looser_rules_repeat_nothing(tmp_path: Path, sandbox: Sandbox, ci: bool, file: str) -> None:
    made = Repository(folder=tmp_path, sandbox=sandbox)
    made.start(_settings=written(sandbox, "protected: true"), first=SALE.replace("八折", "九折"))
    assert made.apply("--expect-digest", digest_of(made)["plan_digest"]).returncode == ExitCode.OK
    made.merge(_settings=written(sandbox, "protected: true"), sale=SALE)
    sandbox.fault(endpoint="message/mass/sendall", kind="cut_after")
    assert made.apply("--expect-digest", digest_of(made)["plan_digest"]).returncode == ExitCode.UNKNOWN
    if file == "gone":
        (made.campaigns / "sale.yaml").unlink()
    made.merge(_settings=written(sandbox, *UNFENCED, policy=LOOSE))
    time.sleep(1.1)
    before = calls(made)
    asked = ["--resend", "sale"] if file == "gone" else []
    done = made.apply(*asked, ci=ci)
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
    assert "resend_after" in done.stderr
    assert made.run("apply", *asked, ci=False, given="yes\nyes\n").returncode == ExitCode.USAGE
    assert calls(made) == before
    sandbox.advance(120)  # WeChat's own wait between two calls with one clientmsgid
    done = made.apply("--expect-digest", digest_of(made, *asked)["plan_digest"], *asked)
    assert done.returncode == ExitCode.OK, done.stderr
    assert calls(made) == before + 1
    assert len(made.texts()) == 2


def test_a_send_that_is_refused_each_time_keeps_no_guard_away(tmp_path: Path, sandbox: Sandbox) -> None:
    made = Repository(folder=tmp_path, sandbox=sandbox)
    made.start(_settings=written(sandbox, "protected: true"), sale=SALE)
    sandbox.fault(endpoint="message/mass/sendall", kind="errcode", errcode=45028)
    assert made.apply("--expect-digest", digest_of(made)["plan_digest"]).returncode == ExitCode.WECHAT
    made.merge(_settings=written(sandbox, policy=LOOSE))
    done = made.apply()
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
    assert "protected" in done.stderr
    assert made.texts() == []


def opening(seconds: float = 25) -> str:
    return f"not_before: {(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec='seconds')}\n"


def test_looser_rules_are_asked_about_before_a_run_waits(repository: Repository) -> None:
    repository.merge(sale=SALE + opening())
    done = repository.apply("--wait", ci=False)
    assert done.returncode == ExitCode.POLICY, done.stdout
    for key in KEYS:
        assert key in done.stderr
    assert len(repository.texts()) == 1


def test_rules_that_become_stricter_stop_a_waiting_run(repository: Repository) -> None:
    guard = ("ledger", "guard", "--auto-approve", "--reason", "agreed")
    assert repository.run(*guard, ci=False).returncode == ExitCode.OK
    repository.merge(sale=SALE + opening(30))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(repository.apply, "--wait", ci=False)
        time.sleep(12)  # it has read its settings, and waits
        settings_file = repository.campaigns / "_settings.yaml"
        looser = settings_file.read_text(encoding="utf-8")
        settings_file.write_text(written(repository.sandbox, policy=STRICT), encoding="utf-8")
        assert repository.run(*guard, ci=False).returncode == ExitCode.OK
        settings_file.write_text(looser, encoding="utf-8")
        done = waiting.result()
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
    assert "policy.max_recipients" in done.stdout + done.stderr
    assert len(repository.texts()) == 1
