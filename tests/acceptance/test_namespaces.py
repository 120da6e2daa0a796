"""Several folders in one ledger, each with its namespace; among them a ledger of an earlier version."""

from datetime import timedelta
from pathlib import Path

from tests.support.playground import SERVICE
from tests.support.shop import MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.model import PlanAction, compute_content_digest
from wechat_campaigns.ledger.events import from_lines
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.plan.decision import DecisionContext, decide
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings

SHOP = "namespace: shop\n"
RECORDED = Path(__file__).parent / "ledgers" / "namespaces.jsonl"
"""Written when campaigns had ids without their namespace, by three folders: `shop`, `office`, one without."""
BY_CITY = """\
filter: {tag: 会员}
msgtype: text
content: "{{city}}今晚八点"
for_each:
  beijing: {vars: {city: 北京}}
  shanghai: {vars: {city: 上海}}
"""


def recorded_shop(make_shop: MakeShop) -> Shop:
    shop = make_shop(begin=False, more=SHOP)
    shop.write(
        welcome=campaign_file("你好"),
        spring=BY_CITY,
        new=campaign_file("旧名", "formerly: [old]\nrevision: 2\n"),
        Sale=campaign_file("今晚九点"),
    )
    return shop


def test_ledger_with_namespaces_of_an_earlier_version_is_read(make_shop: MakeShop) -> None:
    """Every message has the id and the clientmsgid that it had, so nothing is sent twice."""
    shop = recorded_shop(make_shop)
    take = ("ledger", "import", str(RECORDED), "--as-backup", "the disk is gone")
    shop.succeed(*take)
    shop.succeed("unhold", "main", "--reason", "looked at")
    shop.write(Sale=campaign_file("今晚十点"))
    intents = [event["data"] for event in shop.log() if event["kind"] == EventKind.INTENT]
    assert len(intents) == 8
    rows = {row["id"]: row["action"] for row in shop.plan("--all")["sends"]}
    assert rows == {
        "shop:Sale": "unknown",
        "shop:new": "sent",
        "shop:spring[beijing]": "sent",
        "shop:spring[shanghai]": "sent",
        "shop:welcome": "sent",
    }
    keys = {one["send"]: clientmsgid(SERVICE, one["send"], one["revision"]) for one in intents}
    assert {one["send"]: one["clientmsgid"] for one in intents} == keys
    assert keys.keys() - rows.keys() == {"shop:old", "office:welcome", "welcome"}
    shop.write(next=campaign_file("明天见"))
    assert shop.run("ledger", "guard", "--auto-approve", "--reason", "restored")[0] == ExitCode.OK
    assert shop.apply() == ExitCode.UNKNOWN  # Sale stays for a person
    assert shop.texts() == ["明天见"]


def test_unknown_send_of_an_earlier_version_is_resent_with_its_key(make_shop: MakeShop) -> None:
    root = recorded_shop(make_shop).folder / "campaigns"
    events = from_lines(RECORDED.read_text("utf-8").splitlines(), where="ledger")
    context = DecisionContext(
        settings=load_settings(root), state=fold(events), now=events[-1].at + timedelta(minutes=2)
    )
    sends = compile_campaigns(root, settings=context.settings, files=Files(root)).sends
    (sale,) = (send for send in sends if send.id == "shop:Sale")
    decision = decide(sale, compute_content_digest(sale), context)
    assert decision.action is PlanAction.RESEND
    assert decision.resend_intent is not None
    assert decision.resend_intent.data["clientmsgid"] == clientmsgid(SERVICE, sale.id, 1)


def test_an_apply_records_which_folder_the_ledger_belongs_to(make_shop: MakeShop) -> None:
    """Without the record, another folder's campaigns would count as sent, or go out under the same ids."""
    shop = make_shop(more=SHOP)
    shop.write(sale=campaign_file("今晚九点"))
    shop.succeed("apply", "--auto-approve")
    assert [event["kind"] for event in shop.log()].count("campaigns_folder") == 1
    (shop.folder / "campaigns").rename(shop.folder / "mails")
    code, said = shop.run_here("plan", "--dir", "mails")
    assert code == ExitCode.INVALID, said
    assert "another campaigns folder" in said
