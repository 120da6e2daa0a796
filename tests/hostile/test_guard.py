"""A commit takes away the rule that should hold it back: the rules of the last apply are in the ledger."""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.process import COMMAND
from tests.hostile.repository import SALE, Repository, hosted, opening, settings
from tests.support.factories import NOW, SERVICE, MemoryLedger, make_send, make_settings, plan_of, view_of
from tests.support.playground import Sandbox
from tests.support.terminal import Terminal
from wechat_campaigns.cli.apply import rules_text
from wechat_campaigns.core.errors import ExitCode, PolicyError, StalePlanError, TamperedLedgerError
from wechat_campaigns.core.settings import Approvals, Policy, Settings
from wechat_campaigns.guard.recorded_rules import check_rules_agreed
from wechat_campaigns.ledger.approvals import recorded_approvals
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.ledger.trust import newest_guard, verify_guards
from wechat_campaigns.plan import review
from wechat_campaigns.plan.rule_changes import changes_since, edits, guard_data, rules_of
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.protocol.keys import mac_key, mac_of
from wechat_campaigns.report.json import plan_data
from wechat_campaigns.report.markdown import plan_markdown
from wechat_campaigns.source.schema import schema_text
from wechat_campaigns.source.settings import load_settings

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("hostile-guard")]

SECRET = "5" * 32
KEY = mac_key(SECRET, SERVICE)
SEND = make_send()


PLAIN = make_settings()


def with_approvals(*names: str) -> Settings:
    return make_settings(approvals=Approvals(approvers={name: name[0] * 64 for name in names}))


# --- every key of the settings ---------------------------------------------------------------------

SCHEMA = json.loads(schema_text("settings"))
WORDS = {
    "namespace": ("a", "b"),
    "environments.production.api": ("https://a.weixin.qq.com", "https://b.weixin.qq.com"),
    "environments.production.ledger": ("sqlite:a.sqlite3", "git"),
    "environments.production.default_account": ("main", "paper"),
    "environments.production.accounts.main.appid": ("wx000000000000000a", "wx000000000000000b"),
    "environments.production.accounts.main.secret.env": ("A", "B"),
    "environments.production.accounts.main.secret.file": ("/a", "/b"),
    "environments.production.accounts.main.token.file": ("/a", "/b"),
    "environments.production.accounts.main.ledger_key.file": ("/a", "/b"),
    "environments.production.accounts.main.callback.token.env": ("A", "B"),
    "environments.production.accounts.main.callback.token.file": ("/a", "/b"),
    "environments.production.accounts.main.callback.aes_key.env": ("A", "B"),
    "environments.production.accounts.main.callback.aes_key.file": ("/a", "/b"),
    "policy.quiet_hours": ("22:00-08:00", "22:00-07:59"),
    "policy.timezone": ("Asia/Shanghai", "Asia/Tokyo"),
    "policy.allowed_links": ("a.cn", "b.cn"),
    "policy.allowed_mini_programs": ("wx0000000000000001", "wx0000000000000002"),
    "environments.production.resend_after": (60, 61),
    "environments.production.resend_until": (3600, 7200),
}
"""What a pattern or another key asks for; the rest is made up by the type."""
NAMES = {"environments": "production", "accounts": "main", "levels": "quiet_hours", "approvers": "ann"}
"""An entry of each map of the settings."""
NO_RULES = (
    "default_environment",
    "vars",
    "links",
    "articles",
    "testers",
    "notify",
    "audit",
    "environments.production.vars",
    "environments.production.default_account",
    "environments.production.accounts.main.labels",
    "environments.production.accounts.main.appid",  # each AppID has rules of its own
    "environments.production.accounts.main.name",
)
"""They choose among environments and accounts, are under the digest of the content, or decide on no send."""


def resolved(node: Any) -> Any:
    """A node of the schema with the definition that it stands for."""
    for part in (node, *node.get("allOf", ())):
        if "$ref" in part:
            return SCHEMA["definitions"][part["$ref"].rpartition("/")[2]]
    return node


def keys(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that a settings file may have and that has no keys below it."""
    node, below = resolved(node), path.rpartition(".")[2]
    if path.removesuffix("production.vars").rstrip(".") in NO_RULES or path in NO_RULES:
        return
    if node.get("type") != "object":
        yield path, node
    elif "properties" in node:
        for name, one in node["properties"].items():
            yield from keys(one, f"{path}.{name}".lstrip("."))
    else:
        yield from keys(node["additionalProperties"], f"{path}.{NAMES[below]}")


def two_values(path: str, node: Any) -> tuple[Any, Any]:
    """Two values that a key may have."""
    path = path[max(path.find("policy."), 0) :]  # of the settings, an environment or an account
    if path in WORDS and node.get("type") != "array":
        return WORDS[path]
    if path.endswith(".ann"):
        return "a" * 64, "b" * 64
    if "enum" in node:
        return node["enum"][0], node["enum"][1]
    kind = node["type"] if isinstance(node["type"], str) else node["type"][0]
    if kind == "array":
        one, other = WORDS.get(path) or two_values(path, resolved(node["items"]))
        return [one, other], [one]
    if kind == "object":  # an entry of a list
        parts = {name: two_values(name, resolved(one)) for name, one in node["properties"].items()}
        return {name: two[0] for name, two in parts.items()}, {name: two[1] for name, two in parts.items()}
    least = node.get("minimum", 0)
    return {"boolean": (True, False), "integer": (least + 1, least + 2), "string": ("a", "b")}[kind]


ACCOUNT = {"kind": "service", "appid": "wx0000000000000001", "secret": {"env": "A"}}
OTHER = {"kind": "service", "appid": "wx0000000000000009", "secret": {"env": "A"}}


def loaded(folder: Path, path: str, value: Any, **more: Any) -> Settings:
    """Settings of a protected environment with one key that has this value."""
    production = {
        "api": "https://api.weixin.qq.com", "ledger": "git", "protected": True,
        "accounts": {"main": {**ACCOUNT, **more}, "paper": {**OTHER}}, "default_account": "main",
    }  # fmt: skip
    data: dict[str, Any] = {"environments": {"production": production}}
    *above, last = path.split(".")
    at = data
    for step in above:
        at = at.setdefault(step, {})
    if "secret" in above or "callback" in above:  # one place alone may be given
        at.clear()
    at[last] = value
    if above[-1:] == ["approvals"]:
        at.setdefault("approvers", {name: name[0] * 64 for name in ("bob", "ann", "eve")})
    if "aes_key" in above:
        production["accounts"]["main"]["callback"]["token"] = {"env": "T"}
    if "audience_drift" in above:
        at.setdefault("percent", 5)
    folder.mkdir(exist_ok=True)
    (folder / "_settings.yaml").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return load_settings(folder, environment="production")


@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize(("path", "node"), [pytest.param(*row, id=row[0]) for row in keys(SCHEMA)])
def test_no_rule_changes_without_a_review_that_shows_it(
    tmp_path: Path, path: str, node: Any, back: bool
) -> None:
    """Whichever key a commit edits and in which direction; a key that is new in the schema is tried too."""
    values = two_values(path, node)
    before, after = (loaded(tmp_path, path, value) for value in (values[::-1] if back else values))
    written = path.removeprefix("environments.production.")
    own = written.removeprefix("accounts.main.")
    key = own if own.startswith(("policy.", "approvals.")) else written.replace("accounts.main.", "account.")
    old = plan_of(SEND, settings=before)
    guards = [guard_event(guard_of(before))]
    plan = plan_of(SEND, settings=after, guards=guards)
    assert [(change.key, change.appids) for change in plan.settings_changes] == [(key, (SERVICE,))]
    data = plan_data(view_of(plan))
    assert [row["key"] for row in data["settings"]] == [key]
    assert f"{key}: " in plan_markdown(view_of(plan))
    assert plan.plan_digest == data["plan_digest"] != old.plan_digest
    with pytest.raises(StalePlanError):
        review.check_digest(old.plan_digest, plan, LedgerState())
    with pytest.raises(StalePlanError, match=f"rule changed: {re.escape(written)}: "):
        review.check_file(plan_data(view_of(old)), plan, LedgerState(), NOW)
    with pytest.raises(PolicyError, match=re.escape(key)):
        check_rules_agreed(plan, covered=False, asking=False, later=[SERVICE])
    assert f"  {key}: " in rules_text(plan.settings_changes)
    assert plan_of(SEND, settings=before, guards=guards).settings_changes == ()


MASKED = {
    "banned words": ("policy.banned_words", ["口令：桂花"], ["口令：别的"]),
    "a program": (
        "environments.production.accounts.main.token.command", ["tok", "token=main"], ["tok", "token=other"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MASKED.values(), ids=MASKED)
def test_a_digest_covers_what_no_report_shows(tmp_path: Path, case: tuple[str, Any, Any]) -> None:
    """What is masked looks the same before and after; a reviewed plan does not cover it."""
    path, *values = case
    if "token" in path:
        path, values = path.removesuffix(".command"), [{"command": value} for value in values]
    more = {"ledger_key": {"env": "K"}} if "token" in path else {}
    before, after = (loaded(tmp_path, path, value, **more) for value in values)
    old, new = plan_of(SEND, settings=before), plan_of(SEND, settings=after)
    assert old.rules.shown == new.rules.shown
    assert old.plan_digest != new.plan_digest
    with pytest.raises(StalePlanError):
        review.check_file(plan_data(view_of(old)), new, LedgerState(), NOW)
    with pytest.raises(StalePlanError):
        review.check_rules(old, new)


def guard_of(settings: Settings, before: Event | None = None) -> dict[str, Any]:
    return guard_data(settings, settings.environment.by_appid[SERVICE], before=before)


def guard_event(data: Mapping[str, Any]) -> Event:
    return Event(
        stream=SERVICE, seq=1, at=NOW, kind=LedgerKind.GUARD, data=data, previous="0" * 64, hash="1" * 64
    )


def test_rules_are_agreed_also_for_what_is_sent_later_and_not_by_a_question_in_a_ci_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is nobody to answer; and what waits for its window is not in the plan's calls."""
    guards = [guard_event(guard_of(make_settings(policy=Policy(max_recipients=3))))]
    plan = plan_of(make_send(not_before=NOW + timedelta(days=1)), guards=guards)
    check_rules_agreed(plan, covered=False, asking=False)
    with pytest.raises(PolicyError):
        check_rules_agreed(plan, covered=False, asking=False, later=[SERVICE])
    check_rules_agreed(plan, covered=False, asking=True, later=[SERVICE])
    monkeypatch.setenv("GITLAB_CI", "true")
    with pytest.raises(PolicyError):
        check_rules_agreed(plan, covered=False, asking=True, later=[SERVICE])


def test_a_guard_of_before_lacks_what_was_no_rule_then() -> None:
    """Ledgers written by an earlier version: only what they have is compared."""
    rules = {"protected": True, "policy": {"max_recipients": 10, "banned_words": []}, "approvals": None}
    plan = plan_of(SEND, guards=[guard_event({"environment": "test", "rules": rules})])
    assert {(one.key, one.before, one.after) for one in plan.settings_changes if one.before != "–"} == {
        ("protected", "true", "false"),
        ("policy.max_recipients", "10", "–"),
    }


def test_a_setting_that_an_earlier_version_had_not_is_a_change_once_it_is_set() -> None:
    """Every setting is a rule: a new one must not show in every ledger after an upgrade."""
    rules = rules_of(PLAIN, PLAIN.environment.accounts["main"])
    rules["policy"] = {key: value for key, value in rules["policy"].items() if key != "require_preview"}
    del rules["account"]["token"], rules["account"]["ledger_key"]
    guards = [guard_event({"environment": "test", "rules": rules})]
    assert plan_of(SEND, guards=guards).settings_changes == ()
    strict = make_settings(policy=replace(PLAIN.policy, require_preview=True))
    changes = plan_of(SEND, settings=strict, guards=guards).settings_changes
    assert [(one.key, one.before, one.after) for one in changes] == [("policy.require_preview", "–", "true")]


def guard(ledger: MemoryLedger, now: Settings, secret: str = SECRET, **changed: Any) -> Event:
    good, _bad = verify_guards(ledger.events(SERVICE), KEY)
    before = newest_guard(good, now.environment.name)
    entry = signed(guard_of(now, before), mac_key(secret, SERVICE))
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
        guard(ledger, with_approvals("bob"), rules=guard_of(with_approvals("eve"))["rules"]),
        guard(ledger, with_approvals("bob"), actor={"user": "eve"}),
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
    {"rules": {"approvals": {"approvers": 3, "count": "many"}}},
    {"rules": {"accounts": [3], "approvals": []}},
    {"rules": {"policy": reduce(lambda inner, _level: {"a": inner}, range(900), 1)}},
    {"rules": {"accounts": {"a": 3, "b": {"appid": SERVICE, "approvals": "bob", "policy": [1]}}}},
]


@pytest.mark.parametrize("data", ODD)
def test_a_guard_of_any_shape_crashes_nothing(data: Mapping[str, Any]) -> None:
    event = guard_event(data)
    policy = Policy(max_recipients=3, quiet_hours="22:00-08:00", allowed_tags=("x",))
    with suppress(TamperedLedgerError):
        changes_since([event], make_settings(policy=policy))
    with suppress(TamperedLedgerError):
        recorded_approvals(event)
    assert verify_guards([event], KEY) == ((), (event,))


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
KEYS = {"protected", "policy.max_recipients", "policy.quota_reserve"}
FIRST = SALE.replace("八折", "九折")
VOUCH = ("ledger", "guard", "--auto-approve", "--reason", "agreed")


def written(sandbox: Sandbox, *more: str, policy: str = STRICT) -> str:
    return settings(sandbox, *more, policy=policy).replace("ledger: git", "ledger: sqlite:ledger.sqlite3")


@pytest.fixture
def strict(tmp_path: Path, sandbox: Sandbox) -> Iterator[Repository]:
    """A protected environment that has applied once."""
    with hosted(tmp_path, sandbox, _settings=written(sandbox, "protected: true"), first=FIRST) as made:
        assert made.plan()["settings"] == []
        made.assert_sends(1, *made.expected())
        yield made


@pytest.fixture
def repository(strict: Repository) -> Repository:
    """The same, and a new campaign on other rules."""
    strict.merge(_settings=written(strict.sandbox, policy=LOOSE), sale=SALE)
    return strict


@pytest.mark.parametrize("ci", [True, False], ids=["ci", "machine"])
def test_other_rules_need_more_than_auto_approve(repository: Repository, ci: bool) -> None:
    """`protected` is gone, so no digest would be asked for: the rules of the last apply ask."""
    said = repository.assert_refused(ci=ci)
    assert [key for key in KEYS if key not in said] == []


def changed(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(row["key"], row["since"]) for row in plan["settings"]]


@pytest.mark.parametrize(("word", "sent"), [("yes", 2), ("y", 1)])
def test_a_person_at_the_terminal_is_shown_the_rules_and_agrees(
    repository: Repository, word: str, sent: int
) -> None:
    terminal = Terminal()
    environ, end = repository.environ(ci=False), terminal.end
    with subprocess.Popen(
        [*COMMAND, "apply"], cwd=repository.author, env=environ, stdin=end, stdout=end, stderr=end
    ):
        terminal.give_away()
        shown = terminal.read(until="Type yes")
        terminal.type(f"{word}\n")
        terminal.read()
    terminal.close()
    assert "policy.max_recipients: 5000 → 90000" in shown.partition("These rules changed")[2]
    assert len(repository.texts()) == sent


def test_a_reviewed_digest_covers_the_rules(repository: Repository) -> None:
    """The plan shows what changed; the run may be started again."""
    plan, expected = repository.plan("--offline"), repository.expected("--offline")
    assert {row["key"] for row in plan["settings"]} == KEYS
    text = " ".join(repository.run("plan", "--offline").stdout.split())  # long lines are broken
    assert "policy.max_recipients: 5000 → 90000" in text
    repository.merge(_settings=written(repository.sandbox, "protected: true"))
    assert repository.expected("--offline") != expected
    repository.merge(_settings=written(repository.sandbox, policy=LOOSE))
    repository.assert_refused("--expect-digest", "0" * 64)
    for _again in range(2):
        repository.assert_sends(2, *expected)
    assert repository.plan()["settings"] == []


def test_who_holds_the_secret_agrees(repository: Repository) -> None:
    assert repository.run(*VOUCH).returncode == ExitCode.POLICY
    repository.assert_refused()
    assert repository.run(*VOUCH, ci=False, WECHAT_MAIN_SECRET="").returncode == ExitCode.SECRET
    for _again in range(2):
        repository.succeed(*VOUCH, ci=False)
    repository.assert_sends(2)
    log = repository.succeed("ledger", "log", "--format", "json").stdout
    kept = [json.loads(line) for line in log.splitlines()]
    assert [event["data"].get("why") for event in kept if event["kind"] == "guard"] == [None, "agreed"]


@pytest.mark.parametrize("ci", [True, False], ids=["ci", "machine"])
def test_a_forged_guard_is_loud(repository: Repository, ci: bool) -> None:
    now = make_settings(policy=Policy(max_recipients=90000), name="production")
    (file,) = (repository.folder / "state").rglob("ledger.sqlite3")
    ledger = SqliteLedger(file, lambda: datetime.now(UTC))
    ledger.append(signed(guard_of(now), KEY))
    ledger.close()
    digest = repository.plan("--offline", WECHAT_MAIN_SECRET="")["plan_digest"]
    for run in (
        repository.apply(ci=ci),
        repository.apply("--expect-digest", digest, ci=ci),
        repository.run("plan", ci=ci),
    ):
        assert run.returncode == ExitCode.LEDGER, run.stderr
        assert "ledger guard" in run.stdout + run.stderr  # a plan says it in the row of the send
    assert len(repository.texts()) == 1
    repository.succeed("ledger", "guard", "--auto-approve", "--reason", "forged", ci=False)
    repository.assert_sends(2, ci=ci)


# --- what repeats and refusals do to the guard --------------------------------------------------------

UNFENCED = "protected: false", "resend_after: 1", "resend_until: 72000"
"""The last key only names the default."""


def calls(repository: Repository) -> int:
    return sum(row["path"].endswith("/sendall") for row in repository.sandbox.requests())


@pytest.mark.parametrize(("ci", "file"), [(True, "kept"), (False, "gone")])
def test_other_rules_repeat_nothing(strict: Repository, ci: bool, file: str) -> None:
    """Only an unknown send is left, so nothing is new: the repeat goes by the rules kept all the same."""
    strict.merge(sale=SALE)
    strict.sandbox.fault(endpoint="message/mass/sendall", kind="cut_after")
    assert strict.apply(*strict.expected()).returncode == ExitCode.UNKNOWN
    if file == "gone":
        (strict.campaigns / "sale.yaml").unlink()
    strict.merge(_settings=written(strict.sandbox, *UNFENCED, policy=LOOSE))
    time.sleep(1.1)
    before = calls(strict)
    asked = ["--resend", "sale"] if file == "gone" else []
    assert "resend_after" in strict.assert_refused(*asked, ci=ci)
    assert strict.run("apply", *asked, ci=False, given="yes\nyes\n").returncode == ExitCode.USAGE
    assert calls(strict) == before
    strict.sandbox.advance(120)  # WeChat's own wait between two calls with one clientmsgid
    strict.assert_sends(2, *strict.expected(*asked), *asked)
    assert calls(strict) == before + 1


def test_a_send_that_is_refused_each_time_keeps_no_guard_away(tmp_path: Path, sandbox: Sandbox) -> None:
    with hosted(tmp_path, sandbox, _settings=written(sandbox, "protected: true"), sale=SALE) as made:
        sandbox.fault(endpoint="message/mass/sendall", kind="errcode", errcode=45028)
        assert made.apply(*made.expected()).returncode == ExitCode.WECHAT
        made.merge(_settings=written(sandbox, policy=LOOSE))
        assert "protected" in made.assert_refused()
        assert made.texts() == []


def test_other_rules_are_asked_about_before_a_run_waits(repository: Repository) -> None:
    """Nothing is due yet, so nothing is called for yet: what is sent later goes by them all the same."""
    repository.merge(sale=SALE + opening(25))
    said = repository.assert_refused("--wait", ci=False)
    assert [key for key in KEYS if key not in said] == []


def test_rules_that_another_run_recorded_stop_a_waiting_run(repository: Repository) -> None:
    """While it waits, another checkout goes by stricter ones: nobody agreed to leave those."""
    began = time.monotonic()
    repository.succeed(*VOUCH, ci=False)
    repository.merge(sale=SALE + opening(4 + 8 * (time.monotonic() - began)))
    words, pipe = [*COMMAND, "apply", "--auto-approve", "--wait"], subprocess.PIPE
    environ = repository.environ(ci=False)
    with subprocess.Popen(
        words, cwd=repository.author, env=environ, stdout=pipe, stderr=pipe, text=True
    ) as waiting:
        assert waiting.stderr is not None
        assert any("Waiting for sale" in line for line in waiting.stderr)
        settings_file = repository.campaigns / "_settings.yaml"
        looser = settings_file.read_text(encoding="utf-8")
        settings_file.write_text(written(repository.sandbox, policy=STRICT), encoding="utf-8")
        repository.succeed(*VOUCH, ci=False)
        settings_file.write_text(looser, encoding="utf-8")
        said = "".join(waiting.communicate(timeout=120))
    assert waiting.returncode == ExitCode.POLICY, said
    assert "policy.max_recipients" in said
    assert len(repository.texts()) == 1
