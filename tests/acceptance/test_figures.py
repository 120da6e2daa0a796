"""A month of sends in a sandbox whose clock moves: what the report says of their articles."""

import csv
import io
import json
import random
from collections import Counter
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.support.console import add_draft, send_by_hand, set_clock
from tests.support.playground import PICTURES, SERVICE, SUBSCRIPTION, Command, Sandbox
from wechat_campaigns.core.errors import EXTRAS, ExitCode, SecretError
from wechat_campaigns.wechat.statistics import SOURCES

pytestmark = pytest.mark.deep

FIRST = date(2026, 12, 1)
SETTINGS = """\
default_environment: shop
environments:
  shop:
    api: {url}
    ledger: sqlite
    accounts:
      main: {{kind: service, appid: wx0000000000000001, secret: {{env: WECHAT_MAIN_SECRET}}}}
      daily: {{kind: subscription, appid: wx0000000000000002, secret: {{env: WECHAT_MAIN_SECRET}}}}
    default_account: main
policy: {{allow_to_all: true}}
"""
WECHAT_WORDS = {code: scene for scene, code in SOURCES.items()}
DETAIL = "/datacube/getarticletotaldetail"


@pytest.fixture
def campaign(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """Runs the command in a folder without campaigns; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WECHAT_MAIN_SECRET", "0" * 32)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path.parent / f"{tmp_path.name}.state"))
    Path("campaigns").mkdir()
    Path("campaigns/_settings.yaml").write_text(SETTINGS.format(url=sandbox.url), encoding="utf-8")
    set_clock(sandbox, FIRST, "09:00")

    return command


def write(name: str, text: str) -> None:
    Path(f"campaigns/{name}.yaml").write_text(text, encoding="utf-8")


def article_campaign(media_id: str, account: str = "main", to: str = "tag: 会员") -> str:
    return f"account: {account}\nfilter: {{{to}}}\nmsgtype: mpnews\ncontent: {{media_id: {media_id}}}\n"


def send_articles(campaign: Command, sandbox: Sandbox, name: str, *titles: str, **more: str) -> None:
    add_draft(sandbox, f"DRAFT-{name}", *titles, appid=SUBSCRIPTION if more.get("account") else SERVICE)
    write(name, article_campaign(f"DRAFT-{name}", **more))
    code, out, err = campaign("apply", "--auto-approve", "--quiet")
    assert code == ExitCode.OK, out + err


def report(campaign: Command, *words: str) -> list[dict[str, Any]]:
    code, out, err = campaign("report", "--format", "json", *words)
    assert code == ExitCode.OK, err
    found: list[dict[str, Any]] = json.loads(out)["articles"]
    return found


def cache(tmp_path: Path) -> Path:
    (found,) = Path(f"{tmp_path.parent / tmp_path.name}.state").rglob(f"*.{SERVICE}.statistics.json")
    return found


def test_a_month_adds_up(campaign: Command, sandbox: Sandbox) -> None:
    draw = random.Random(20261201)
    for number in range(28):
        day = FIRST + timedelta(days=number)
        set_clock(sandbox, day, "09:00")
        if number:
            assert campaign("status")[0] == ExitCode.OK
            assert campaign("report", "--refresh")[0] == ExitCode.OK
        set_clock(sandbox, day, "20:00")
        what = draw.choice(["tag", "by hand", "daily", "text", "nothing", "nothing"])
        if what == "tag":
            send_articles(campaign, sandbox, f"d{number}", "春茶", "夏茶")
        elif what == "daily":
            send_articles(campaign, sandbox, f"d{number}", "早报", account="daily", to="is_to_all: true")
        elif what == "by hand" and number % 7 == 0:
            add_draft(sandbox, f"HAND{number}", "手发")
            send_by_hand(sandbox, f"HAND{number}")
        elif what == "text":
            write(f"d{number}", f"filter: {{tag: 会员}}\nmsgtype: text\ncontent: 第 {number} 天\n")
            assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    last = FIRST + timedelta(days=27)
    set_clock(sandbox, last + timedelta(days=1), "09:00")
    rows = report(campaign, "--refresh")
    latest = [row["days"][-1] for row in rows if row["days"]]
    assert len(latest) > 8
    assert any(row["by_hand"] for row in rows)
    assert {row["figures"] for row in rows if row["msgtype"] == "text"} == {"not_counted"}
    readers_total = check_sums(sandbox, latest, last)
    assert report(campaign) == rows, "the same without a request"
    assert campaign("report", "--month", "2026-12", "--report", "xlsx=report.xlsx")[0] == ExitCode.OK
    check_archives(campaign, rows)
    workbook = openpyxl.load_workbook("report.xlsx")
    assert workbook.sheetnames == ["2026-12"]
    readers = [row[workbook["2026-12"][1].index(cell)].value
               for cell in workbook["2026-12"][1] if cell.value == "Readers"
               for row in workbook["2026-12"].iter_rows(min_row=2)]  # fmt: skip
    assert sum(filter(None, readers)) == readers_total


def check_sums(sandbox: Sandbox, latest: list[dict[str, Any]], last: date) -> int:
    """Articles add up to what the sandbox says, and sources to readers; return how many these are."""
    summed: Counter[str] = Counter()
    for number, appid in product(range((last - FIRST).days + 1), (SERVICE, SUBSCRIPTION)):
        day = (FIRST + timedelta(days=number)).isoformat()
        for one in sandbox.call(f"..{DETAIL}", {"begin_date": day, "end_date": day}, appid)["list"]:
            latest_day = one["detail_list"][-1]
            summed.update({key: value for key, value in latest_day.items() if isinstance(value, int)})
            for source in latest_day["read_user_source"]:
                summed[source["scene_desc"]] += source["user_count"]
    names = {"readers": "read_user", "shares": "share_user", "likes": "like_user", "hearts": "zaikan_user",
             "comments": "comment_count", "favorites": "collection_user"}  # fmt: skip
    assert {ours: sum(one[ours] for one in latest) for ours in names} == {
        ours: summed[theirs] for ours, theirs in names.items()
    }
    sources: Counter[str] = Counter()
    for one in latest:
        sources.update({WECHAT_WORDS[code]: count for code, count in one["sources"].items()})
    assert sources == Counter({scene: summed[scene] for scene in WECHAT_WORDS.values() if summed[scene]})
    assert sum(sources.values()) == summed["read_user"] > 100
    assert {one["finish_rate"] for one in latest} != {latest[0]["finish_rate"]}
    assert 0 < sum(one["new_followers"] for one in latest) < summed["read_user"] - summed["公众号消息"]
    return summed["read_user"]


def check_archives(campaign: Command, rows: list[dict[str, Any]]) -> None:
    """One for each send by API, with the figures of the report."""
    code, out, err = campaign("archive", "--format", "json")
    assert code == ExitCode.OK, err
    archives = {(one["send"], one["revision"]): one["name"] for one in json.loads(out)["archives"]}
    assert archives.keys() == {(row["send"], row["revision"]) for row in rows if row["send"]}
    for row in rows:
        if row["send"] and row["days"]:
            page = Path("archive", archives[row["send"], row["revision"]], "index.html")
            assert f"{row['days'][-1]['readers']:,}</td>" in page.read_text(encoding="utf-8")


def test_without_the_cache_or_with_a_damaged_one_the_report_is_there(
    campaign: Command, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_articles(campaign, sandbox, "sale", "春茶")
    campaign("status")
    set_clock(sandbox, FIRST + timedelta(days=2), "09:00")
    assert report(campaign, "--refresh")[0]["figures"] == "counting"
    assert cache(tmp_path).stat().st_mode & 0o777 == 0o600
    assert "春茶" not in campaign("ledger", "log", "--format", "json")[1]
    monkeypatch.delenv("WECHAT_MAIN_SECRET")
    before = len(sandbox.requests())
    code, out, _err = campaign("report")
    assert (code, len(sandbox.requests())) == (ExitCode.OK, before)
    assert "sale (1)" in out
    assert "up to 2026-12-02" in " ".join(out.split())
    set_clock(sandbox, FIRST + timedelta(days=3), "09:00")
    code, out, err = campaign("report", "--refresh")
    assert code == SecretError.exit_code
    assert "figures were not refreshed" in err
    assert "sale (1)" in out
    for damage in (b"", b"{", b'{"version": 1, "days": {"2026-12-01": []}}', b"[" * 100_000):
        cache(tmp_path).write_bytes(damage)
        assert report(campaign)[0]["figures"] != "counting"


def test_a_send_by_hand_is_listed_and_warned_of(campaign: Command, sandbox: Sandbox) -> None:
    Path("campaigns/cup.jpg").write_bytes((PICTURES / "leaf.jpg").read_bytes())
    content = "{newspic: {title: 春茶, text: 新茶, images: [{file: cup.jpg}]}}"
    write("tea", f"filter: {{is_to_all: true}}\nmsgtype: mpnews\ncontent: {content}\n")
    add_draft(sandbox, "HAND", "春茶")
    send_by_hand(sandbox, "HAND")
    set_clock(sandbox, FIRST + timedelta(days=1), "09:00")
    (row,) = report(campaign, "--refresh")
    assert (row["by_hand"], row["send"], row["title"]) == (True, None, "春茶")
    assert "by hand (console)" in campaign("report")[1]
    code, out, _err = campaign("plan", "--format", "json")
    (planned,) = json.loads(out)["sends"]
    assert (code, planned["action"]) == (ExitCode.OK, "send"), "a warning blocks nothing"
    rules = {one["rule"]: one for one in planned["warnings"]}
    command = "campaign ledger baseline tea --env shop --reason 'sent by hand'"
    assert command in rules["sent-by-hand"]["hint"]
    assert "1 send of this month was made by hand" in rules["quota-by-hand"]["message"]
    assert "only 3 may be left" in rules["quota-by-hand"]["message"]
    assert (
        campaign("ledger", "baseline", "tea", "--env", "shop", "--reason", "sent by hand")[0] == ExitCode.OK
    )
    (planned,) = json.loads(campaign("plan", "--format", "json")[1])["sends"]
    assert (planned["action"], planned["warnings"]) == ("sent", [])


def test_a_draft_that_was_sent_by_hand_is_warned_of(campaign: Command, sandbox: Sandbox) -> None:
    write("title", "filter: {tag: 会员}\nmsgtype: mpnews\ncontent: {draft: 春茶}\n")
    write("id", article_campaign("COPY"))
    add_draft(sandbox, "HAND", "春茶")
    send_by_hand(sandbox, "HAND")
    set_clock(sandbox, FIRST + timedelta(days=1), "09:00")
    report(campaign, "--refresh")
    assert sent_by_hand(campaign) == {"title": ("blocked", True), "id": ("blocked", False)}
    add_draft(sandbox, "COPY", "春茶")
    for name in ("title", "id"):  # one draft: in one plan only one of them would be sent
        assert sent_by_hand(campaign, name) == {name: ("send", True)}


def sent_by_hand(campaign: Command, *select: str) -> dict[str, tuple[str, bool]]:
    planned = json.loads(campaign("plan", *select, "--format", "json")[1])["sends"]
    return {
        one["id"]: (one["action"], "sent-by-hand" in {warning["rule"] for warning in one["warnings"]})
        for one in planned
    }


def test_spreadsheets_speak_the_readers_language(campaign: Command, sandbox: Sandbox) -> None:
    send_articles(campaign, sandbox, "sale", "春茶", "夏茶")
    set_clock(sandbox, FIRST + timedelta(days=3), "09:00")
    assert campaign("report", "--refresh")[0] == ExitCode.OK
    text = campaign("--lang", "zh", "report", "--format", "csv")[1]
    assert text.startswith("\ufeff")
    first, second = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert (first["标题"], second["标题"]) == ("春茶", "夏茶")
    assert (first["发送人数"] != "", second["发送人数"]) == (True, "")
    assert int(first["阅读人数"]) > 0


def test_a_workbook_is_a_file_and_needs_its_extra(campaign: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _out, err = campaign("report", "--format", "xlsx")
    assert code == ExitCode.USAGE
    assert "`--report xlsx=FILE`" in err
    monkeypatch.setitem(EXTRAS, "excel", ("a_library_that_is_missing",))
    code, out, err = campaign("report", "--report", "csv=report.csv", "--report", "xlsx=report.xlsx")
    assert code == ExitCode.INVALID
    assert "excel" in err
    assert out == ""
    assert not Path("report.csv").exists()
    assert campaign("report", "--since", "2026-12-01", "--month", "2026-12")[0] == ExitCode.USAGE
