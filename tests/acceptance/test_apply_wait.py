"""`apply --wait` stays, and sends what was approved when its window opens: the real command, the sandbox."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.test_operating_commands import robot
from tests.support import hasty_command
from tests.support.playground import SERVICE
from tests.support.shop import SENDALL, SHOP_APPID, MakeShop, Shop, campaign_file, with_second_account
from tests.support.terminal import Terminal
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.plan import planfile

SOON_S = 3
PLANS = 4
"""Until a window opens: seconds, and the time of so many plans, so that a run has to wait for it."""


@pytest.fixture
def make_shop(make_shop: MakeShop) -> MakeShop:
    """Nobody waits half a minute for what a run does each half minute."""
    start = (hasty_command.__file__,)
    return lambda *words, **more: replace(make_shop(*words, **more), start=start)


def opening(seconds: float) -> datetime:
    # A file gives whole seconds: the part of one that it drops must not be missing.
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds + 1)


def soon(shop: Shop) -> datetime:
    begun = time.monotonic()
    shop.write(first=campaign_file("first"))
    shop.plan()
    (shop.folder / "campaigns/first.yaml").unlink()
    return opening(SOON_S + PLANS * (time.monotonic() - begun))


def scheduled(text: str, opens_at: datetime) -> str:
    return campaign_file(text) + f"not_before: {opens_at.isoformat(timespec='seconds')}\n"


def plan_with(shop: Shop, *words: str, **changed: str) -> None:
    """Make a plan, and write other words into its file."""
    data = {**shop.plan(*words), **changed}
    del data["file_sha256"]
    planfile.write(shop.plan_file, planfile.with_checksum(data))


def wait_for_line(running: subprocess.Popen[str], words: str) -> str:
    """Read on to a line with these words; all lines up to it."""
    assert running.stderr is not None
    read = ""
    for line in running.stderr:
        read += line
        if words in line:
            return read
    raise AssertionError(f"the run ended without {words!r}")


@pytest.mark.parametrize("by", ["file", "digest"])
def test_reviewed_plan_is_sent_in_its_windows(make_shop: MakeShop, by: str) -> None:
    shop = make_shop()
    opens_at = soon(shop)
    shop.write(now=campaign_file("now"), later=scheduled("later", opens_at))
    shop.plan()
    assert shop.apply("--wait", *shop.reviewed(by)) == ExitCode.OK
    assert shop.texts() == ["now", "later"]
    intents = {event["data"]["send"]: event for event in shop.log() if event["kind"] == "intent"}
    assert datetime.fromisoformat(intents["later"]["at"]) >= opens_at.replace(microsecond=0)
    assert intents["later"]["data"]["plan_digest"] == intents["now"]["data"]["plan_digest"]


@pytest.mark.deep
def test_what_was_decided_is_told_before_the_run_waits(make_shop: MakeShop) -> None:
    with robot(200) as (address, bodies):
        shop = make_shop(more=f"notify: [{{kind: webhook, url: {{command: [echo, '{address}']}}}}]\n")
        shop.write(now=campaign_file("now"), later=scheduled("later", soon(shop)))
        running = shop.begin("apply", "--auto-approve", "--wait")
        wait_for_line(running, "1 accepted")
        assert "run `campaign apply" not in wait_for_line(running, "Waiting for later")
        assert [one["id"] for body in bodies for one in body["outcomes"]] == ["now"]
        out, said = running.communicate(timeout=120)
    assert running.returncode == ExitCode.OK, said
    assert "2 accepted" in out
    assert [one["id"] for body in bodies for one in body["outcomes"]] == ["now", "later"]


def hold(shop: Shop) -> None:
    assert shop.run("hold", "main", "--reason", "价格写错了")[0] == ExitCode.OK


def hold_for_a_moment(shop: Shop) -> None:
    assert shop.run("hold", "main", "--for", opening(1).isoformat())[0] == ExitCode.OK


def hold_correct_and_release(shop: Shop) -> None:
    hold(shop)
    edit(shop)
    assert shop.run("unhold", "main", "--reason", "改好了")[0] == ExitCode.OK


def edit(shop: Shop) -> None:
    shop.edit("later", "later", "corrected")


def delete(shop: Shop) -> None:
    (shop.folder / "campaigns/later.yaml").unlink()


def reschedule(shop: Shop) -> None:
    shop.write(later=scheduled("later", opening(3600)))


def edit_settings(shop: Shop) -> None:
    shop.edit("_settings", "environments:", "# edited\nenvironments:")


def change_a_rule(shop: Shop) -> None:
    shop.add_settings("policy: {max_recipients: 100000}\n")


HELD = (hold, hold_for_a_moment, hold_correct_and_release)


@pytest.mark.parametrize("change", [*HELD, edit, delete, reschedule, edit_settings, change_a_rule])
def test_what_was_stopped_or_changed_meanwhile_is_not_sent(
    make_shop: MakeShop, change: Callable[[Shop], None]
) -> None:
    shop = make_shop()
    opens_at = soon(shop) if change not in HELD else opening(3600)
    shop.write(later=scheduled("later", opens_at), other=scheduled("other", opens_at))
    selected = ("later",) if change is delete else ()
    running = shop.begin("apply", *selected, "--auto-approve", "--wait", "--format", "json")
    wait_for_line(running, "Waiting for later")
    change(shop)
    out, said = running.communicate(timeout=120)
    assert running.returncode == ExitCode.POLICY, said
    ends = {one["id"]: (one["result"], bool(one["hint"])) for one in json.loads(out)["outcomes"]}
    assert ends["later"][0] in ("skipped", "not_sent")
    assert ends["later"][1]
    assert shop.texts() == (["other"] if change in (edit, reschedule) else [])


def test_hold_ends_the_waiting_of_its_account_alone(make_shop: MakeShop) -> None:
    shop = with_second_account(make_shop())
    shop.succeed("ledger", "init")
    opens_at = soon(shop)
    shop.write(later=scheduled("later", opens_at), other=scheduled("other", opens_at) + "account: shop\n")
    running = shop.begin("apply", "--auto-approve", "--wait")
    wait_for_line(running, "Waiting for later")
    hold_correct_and_release(shop)
    _out, said = running.communicate(timeout=120)
    assert running.returncode == ExitCode.POLICY, said
    assert shop.texts() == ["other"]
    assert shop.apply("--wait") == ExitCode.OK
    assert shop.texts() == ["other", "corrected"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.deep
def test_stopped_wait_is_taken_up_again(make_shop: MakeShop, number: signal.Signals) -> None:
    shop = make_shop()
    shop.write(later=scheduled("later", soon(shop)))
    shop.plan()
    words = ("apply", "--auto-approve", "--wait", *shop.reviewed("digest"))
    running = shop.begin(*words)
    wait_for_line(running, "Waiting for later")
    running.send_signal(number)
    _out, said = running.communicate(timeout=120)
    assert running.returncode == (-number if number == signal.SIGKILL else ExitCode.INTERRUPTED), said
    assert shop.posts() == 0
    assert shop.run(*words)[0] == ExitCode.OK
    assert shop.texts() == ["later"]


def test_expired_plan_is_refused_before_an_account_is_asked(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("今晚"))
    plan_with(shop, expires_at=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    asked = len(shop.sandbox.requests())
    code, said = shop.run("apply", "--auto-approve", *shop.reviewed("file"))
    assert (code, "the plan expired" in said) == (ExitCode.POLICY, True), said
    assert len(shop.sandbox.requests()) == asked


@pytest.mark.deep
def test_plan_that_expires_while_the_machine_sleeps_sends_nothing(make_shop: MakeShop) -> None:
    shop = make_shop()
    opens_at = soon(shop)
    expires_at = opens_at + timedelta(seconds=5)
    shop.write(later=scheduled("later", opens_at))
    plan_with(shop, expires_at=expires_at.isoformat())
    running = shop.begin("apply", "--auto-approve", "--wait", *shop.reviewed("file"))
    wait_for_line(running, "Waiting for later")
    running.send_signal(signal.SIGSTOP)
    time.sleep((expires_at - datetime.now(UTC)).total_seconds() + 1)
    running.send_signal(signal.SIGCONT)
    out, said = running.communicate(timeout=120)
    assert running.returncode == ExitCode.POLICY, out + said
    assert "expired" in out
    assert shop.posts() == 0


def test_waiting_run_keeps_to_the_number_of_sends(make_shop: MakeShop) -> None:
    shop = make_shop(more="policy: {max_sends_per_apply: 1}\n")
    shop.write(
        now=campaign_file("now"),
        later=scheduled("later", opening(3600)),
        last=scheduled("last", opening(3600)),
    )
    assert shop.apply("--wait") == ExitCode.POLICY
    assert shop.texts() == []


@pytest.mark.parametrize("by", ["file", "digest"])
def test_parts_of_a_reviewed_plan_keep_to_its_number_of_sends_together(make_shop: MakeShop, by: str) -> None:
    """Counted is what the ledger has under that plan, and by a plan file also what other parts would make."""
    shop = with_second_account(make_shop(more="policy: {max_sends_per_apply: 2}\n"))
    for name, more in (("a", ""), ("b", ""), ("c", "account: shop\n")):
        text = scheduled(name, opening(3600)) if by == "file" else campaign_file(name)
        shop.write(**{name: text + more})
    shop.run("plan", "--out", str(shop.plan_file))
    words = ("apply", "--auto-approve", "--wait", *shop.reviewed(by))
    codes = [shop.run(*words, "--accounts", account)[0] for account in ("main", "shop")]
    assert codes == [ExitCode.POLICY if by == "file" else ExitCode.OK, ExitCode.POLICY]
    assert len(shop.texts()) == (0 if by == "file" else 2)


@pytest.mark.deep
def test_ledger_that_is_replaced_while_a_run_waits_is_read_anew(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(later=scheduled("later", soon(shop)))
    running = shop.begin("apply", "--auto-approve", "--wait")
    wait_for_line(running, "Waiting for later")
    for place in (Path(f"{shop.folder}.state"), *shop.folder.parent.glob("ledger.sqlite3*")):
        aside = place.with_name(f"old-{place.name}")
        place.rename(aside)
        if aside.is_dir():
            shutil.copytree(aside, place)
        else:
            shutil.copy2(aside, place)
    assert shop.run("hold", "main")[0] == ExitCode.OK
    _out, said = running.communicate(timeout=120)
    assert running.returncode in (ExitCode.LEDGER, ExitCode.POLICY), said
    assert shop.posts() == 0


@pytest.mark.deep
def test_horizon_of_the_reviewed_plan_bounds_the_wait(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(soon=scheduled("soon", soon(shop)), later=scheduled("later", opening(7200)))
    plan = shop.plan("--horizon", "1h")
    assert plan["horizon"] is not None
    code, told = shop.run("ci", "outputs", str(shop.plan_file))
    assert (code, "coming=1\n" in told, "due=0\n" in told) == (ExitCode.OK, True, True)
    code, said = shop.run("apply", "--auto-approve", "--wait", *shop.reviewed("file"))
    assert code == ExitCode.OK, said
    assert "Next: later" in said
    assert shop.texts() == ["soon"]


def test_late_apply_leaves_out_what_opened_after_the_horizon(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(now=campaign_file("now"), later=scheduled("later", opening(-60)))
    plan_with(shop, "--horizon", "1h", horizon=opening(-120).isoformat())
    code, said = shop.run("apply", "--auto-approve", *shop.reviewed("file"))
    assert code == ExitCode.POLICY, said
    assert "after the horizon of the reviewed plan" in " ".join(said.split())
    assert shop.texts() == ["now"]
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["now", "later"]


@pytest.mark.deep
def test_account_that_another_run_holds_is_tried_again(make_shop: MakeShop) -> None:
    shop = make_shop()
    opens_at = soon(shop)
    shop.write(later=scheduled("later", opens_at))
    waiting = shop.begin("apply", "later", "--auto-approve", "--wait")
    wait_for_line(waiting, "Waiting for later")
    shop.write(slow=campaign_file("slow"))
    shop.sandbox.fault(endpoint="message/mass/sendall", kind="latency", latency_s=12)
    slow = shop.begin("apply", "slow", "--auto-approve")
    _out, said = waiting.communicate(timeout=120)
    slow.communicate(timeout=60)
    assert (waiting.returncode, slow.returncode) == (ExitCode.OK, ExitCode.OK), said
    assert shop.texts() == ["slow", "later"]


def test_terminal_that_is_closed_while_a_run_waits_hides_no_send(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = make_shop()
    shop.write(later=scheduled("later", soon(shop)))
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    report = tmp_path / "report.json"
    terminal = Terminal()
    words = ("apply", "--auto-approve", "--wait", "--report", f"json={report}")
    with shop.begin(*words, streams=terminal.end, TERM="xterm") as running:
        terminal.give_away()
        assert "Waiting for later" in terminal.read(until="Waiting for later")
        terminal.close()
        assert running.wait(60) == ExitCode.UNKNOWN
    told = json.loads(report.read_text(encoding="utf-8"))
    assert [one["result"] for one in told["outcomes"]] == ["unknown"]


def test_an_account_that_failed_when_the_wait_began_is_tried_at_its_window(make_shop: MakeShop) -> None:
    shop = with_second_account(make_shop())
    opens_at = soon(shop)
    later = opens_at + timedelta(seconds=2)
    shop.write(a=scheduled("a", later), b=scheduled("b", opens_at) + "account: shop\n")
    shop.sandbox.control("POST", "accounts", {"appid": SHOP_APPID, "ip_allow": ["203.0.113.9"]})
    with shop.begin("apply", "--auto-approve", "--wait") as running:
        wait_for_line(running, "Waiting for")
        shop.sandbox.control("POST", "accounts", {"appid": SHOP_APPID, "ip_allow": []})
        _out, said = running.communicate(timeout=90)
    assert shop.texts() == ["b", "a"], said


@pytest.mark.parametrize(("before", "after"), [("later", "never reviewed"), ("tag: 会员", "tag: 北京")])
def test_an_edit_after_the_review_is_not_sent_although_its_account_failed_when_the_wait_began(
    make_shop: MakeShop, before: str, after: str
) -> None:
    """The row of a send whose account cannot be asked stands as it was reviewed; the send must not."""
    shop = make_shop()
    shop.write(later=scheduled("later", soon(shop)))
    shop.plan()
    shop.edit("later", before, after)
    shop.sandbox.control("POST", "accounts", {"appid": SERVICE, "ip_allow": ["203.0.113.9"]})
    with shop.begin("apply", "--auto-approve", "--wait", *shop.reviewed("file")) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "Waiting for" in line:
                break
        shop.sandbox.control("POST", "accounts", {"appid": SERVICE, "ip_allow": []})
        out, said = running.communicate(timeout=90)
    assert shop.posts() == 0, out
    assert running.returncode == ExitCode.POLICY, out + said


def test_hold_and_release_just_before_the_window_end_the_waiting(make_shop: MakeShop) -> None:
    """No look at the clock lies between: only the plan of the moment can tell."""
    shop = replace(make_shop(), start=("-m", "wechat_campaigns"))
    shop.write(later=scheduled("later", soon(shop) + timedelta(seconds=4)))
    with shop.begin("apply", "--auto-approve", "--wait") as running:
        wait_for_line(running, "Waiting for later")
        hold_correct_and_release(shop)
        edited_back = shop.folder / "campaigns/later.yaml"
        edited_back.write_text(edited_back.read_text("utf-8").replace("corrected", "later"), "utf-8")
        out, said = running.communicate(timeout=90)
    assert (running.returncode, shop.texts()) == (ExitCode.POLICY, []), out + said
    assert "hold" in out


def test_rules_that_another_run_went_by_meanwhile_end_the_waiting(make_shop: MakeShop) -> None:
    """Who agreed to this run's rules had not seen that others are in force since."""
    shop, other = make_shop(), make_shop(name="other", begin=False)
    guard = ("ledger", "guard", "--reason", "agreed", "--auto-approve")
    shop.succeed(*guard)
    shop.write(later=scheduled("later", soon(shop) + timedelta(seconds=3)))
    other.add_settings("policy: {max_recipients: 100}\n")
    with shop.begin("apply", "--auto-approve", "--wait") as running:
        wait_for_line(running, "Waiting for later")
        other.succeed(*guard)
        out, said = running.communicate(timeout=90)
    assert (running.returncode, shop.texts()) == (ExitCode.POLICY, []), out + said
    assert "rules of the settings changed" in " ".join(out.split())


def test_what_is_resent_at_the_start_does_not_end_the_waiting(make_shop: MakeShop) -> None:
    """At the window nothing of that id is unknown any more."""
    shop = make_shop()
    shop.write(first=campaign_file("first"))
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    assert shop.apply() == ExitCode.UNKNOWN
    shop.edit("first", "first", "edited")
    shop.write(later=scheduled("later", opening(SOON_S)))
    code, said = shop.run("apply", "--auto-approve", "--wait", "--resend", "first")
    assert (code, shop.texts()) == (ExitCode.OK, ["first", "later"]), said


def test_unknown_send_without_a_file_is_reported_once(make_shop: MakeShop) -> None:
    """It was decided on when the run began; the moment of another send is not about it."""
    shop = make_shop()
    shop.write(first=campaign_file("first"))
    shop.lose_an_answer("cut_after")
    (shop.folder / "campaigns/first.yaml").unlink()
    shop.write(later=scheduled("later", opening(SOON_S)))
    code, said = shop.run("apply", "--auto-approve", "--wait", "--quiet", "-o", "json")
    outcomes = json.loads(said.splitlines()[-1])["outcomes"]
    assert [(one["id"], one["result"]) for one in outcomes] == [("first", "unknown"), ("later", "accepted")]
    assert (code, shop.texts()) == (ExitCode.UNKNOWN, ["first", "later"])
