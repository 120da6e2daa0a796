"""The tool in another program: what it keeps and what it tells, as the command would."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file
from wechat_campaigns import api
from wechat_campaigns.core.errors import ExitCode, StalePlanError, UsageError
from wechat_campaigns.send.outcome import SendOutcome

pytestmark = pytest.mark.deep

STRICT, LOOSE = "policy: {max_recipients: 1000}\n", "policy: {max_recipients: 2000}\n"


@pytest.fixture
def shop(make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Used by the command and by this process alike; its rules are kept in the ledger."""
    made = make_shop(more=STRICT)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", f"{made.folder}.state")
    monkeypatch.setenv("WECHAT_MAIN_SECRET", "0" * 32)
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    assert made.run("ledger", "guard", "--auto-approve", "--reason", "x")[0] == ExitCode.OK
    return made


def applied(shop: Shop) -> tuple[SendOutcome, ...]:
    with api.load(shop.folder / "campaigns") as campaigns:
        digest = api.plan(campaigns).plan_digest
    with api.load(shop.folder / "campaigns") as campaigns:
        return api.apply(campaigns, digest=digest)


def test_approval_rules_of_a_failed_run_stay_in_force(shop: Shop) -> None:
    """Otherwise an author whose runs fail could loosen them step by step without an approval."""
    shop.edit("_settings", STRICT, LOOSE)
    shop.write(sale=campaign_file("今晚八点"))
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    assert [outcome.exit_code for outcome in applied(shop)] == [ExitCode.UNKNOWN]
    kinds = [event["kind"] for event in shop.log() if event["kind"] in ("guard", "intent")]
    assert kinds == ["guard", "guard", "intent"]
    assert shop.plan()["settings"] == []


def test_nothing_is_sent_without_the_digest_of_a_review(shop: Shop) -> None:
    shop.write(sale=campaign_file("今晚八点"))
    missing: Any = None
    with api.load(shop.folder / "campaigns") as campaigns, pytest.raises(StalePlanError):
        api.apply(campaigns, digest=missing)
    assert shop.posts() == 0


def test_what_does_not_exist_is_refused_at_load(shop: Shop) -> None:
    for root, environment in ((shop.folder / "campaigns", "nope"), (shop.folder / "none", None)):
        with pytest.raises(UsageError):
            api.load(root, environment=environment)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="shows what is open on Linux")
def test_no_connection_outlives_its_campaigns(shop: Shop) -> None:
    """A program that plans again and again would run out of them."""

    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def plan() -> None:
        with api.load(shop.folder / "campaigns") as campaigns:
            api.plan(campaigns)
            kept.append(campaigns)

    kept: list[object] = []
    shop.write(tea=campaign_file("喝茶"))
    plan()
    before, deadline = opened(), time.monotonic() + 60
    for _number in range(5):
        plan()
    while opened() > before + 1 and time.monotonic() < deadline:
        time.sleep(0.05)  # the sandbox of this process closes its ends a moment later
    assert opened() <= before + 1


@pytest.mark.parametrize("edit", ["policy: {hold: true}\n", "policy: {max_recipients: 1}\n"])
def test_settings_that_changed_since_they_were_loaded_send_nothing(shop: Shop, edit: str) -> None:
    shop.write(sale=campaign_file("今晚八点"))
    with api.load(shop.folder / "campaigns") as campaigns:
        digest = api.plan(campaigns).plan_digest
        shop.edit("_settings", STRICT, edit)
        with pytest.raises(StalePlanError):
            api.apply(campaigns, digest=digest)
    assert shop.posts() == 0


def test_the_folder_stays_the_one_that_was_loaded(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program may go elsewhere between plan and apply, such as to a copy with a ledger of its own."""
    shop.write(sale=campaign_file("今晚八点"))
    monkeypatch.chdir(shop.folder)
    with api.load("campaigns") as campaigns:
        digest = api.plan(campaigns).plan_digest
        monkeypatch.chdir(tmp_path)
        assert [one.exit_code for one in api.apply(campaigns, digest=digest)] == [ExitCode.OK]
    assert shop.row("sale")["action"] == "sent"
