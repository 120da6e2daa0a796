"""What changed since a person approved: an exchanged link, picture or recipient is seen in each format."""

import base64
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.shop import MakeShop, Shop, campaign_file, with_second_account
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.approvals import public_key

ANN, BOB = "a1" * 32, "b2" * 32
MORE = "policy: {duplicate_content_days: 0}\n"
PICTURES = [b"\x89PNG\r\n\x1a\n" + bytes([one]) * 40 for one in range(2)]
CAMPAIGNS = {
    "link": "filter: {tag: 会员}\nmsgtype: text\ncontent: '看茶：https://tea.example/a'\n",
    "poster": "filter: {tag: 会员}\nmsgtype: image\ncontent: {images: [poster.png]}\n",
    "trial": "filter: {openids: {file: trial.txt}}\nmsgtype: text\ncontent: 内测\n",
    "same": "filter: {tag: 会员}\nmsgtype: text\ncontent: 没有变\n",
}


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    """A repository whose plans need an approval, with four campaigns at its first commit."""
    shop = make_shop(more=MORE)
    shop.edit(
        "_settings",
        "    resend_after: 0\n",
        "    resend_after: 0\n"
        f"    approvals: {{approvers: {{ann: {public_key(ANN)}, bob: {public_key(BOB)}}}}}\n",
    )
    shop.write(**CAMPAIGNS)
    (shop.folder / "campaigns/poster.png").write_bytes(PICTURES[0])
    (shop.folder / "campaigns/trial.txt").write_text("".join(f"o{one:027}\n" for one in range(3)))
    git(shop.folder, "init", "-q", "-b", "main")
    commit(shop)
    shop.succeed("ledger", "guard", "--reason", "x", "--auto-approve")
    return shop


def commit(shop: Shop) -> None:
    git(shop.folder, "add", "campaigns")
    git(shop.folder, "commit", "-qm", "campaigns")


def approve(shop: Shop, key: str = ANN, *words: str) -> None:
    shop.plan(*words)
    words = ("approve", str(shop.plan_file), "--auto-approve")
    code, said = shop.run_here(*words, CAMPAIGN_APPROVAL_KEY=key)
    assert code == ExitCode.OK, said


def reports(shop: Shop, *words: str) -> dict[str, str]:
    """Each format in which a person reads the plan."""
    kinds = ("text", "markdown", "html")
    outputs = [word for kind in kinds for word in ("--report", f"{kind}={shop.folder / kind}")]
    shop.succeed("plan", *outputs, *words)
    texts = {kind: unescape((shop.folder / kind).read_text(encoding="utf-8")) for kind in kinds}
    return texts | {"text": " ".join(texts["text"].split())}


def _link(shop: Shop) -> None:
    shop.edit("link", "/a", "/b")


def _picture(shop: Shop) -> None:
    (shop.folder / "campaigns/poster.png").write_bytes(PICTURES[1])


def _recipient(shop: Shop) -> None:
    with (shop.folder / "campaigns/trial.txt").open("a") as file:
        file.write(f"o{9:027}\n")


@pytest.mark.parametrize(
    ("change", "send", "expected"),
    [
        (_link, "link", r"看茶：https://tea\.example/a → 看茶：https://tea\.example/b"),
        (_picture, "poster", r"picture 1: another file, with the same name poster\.png"),
        (_recipient, "trial#1", r"list of openids: 1 added, 0 removed, now 4"),
    ],
    ids=["link", "picture", "recipient"],
)
@pytest.mark.parametrize("words", [(), ("--offline",)], ids=["online", "offline"])
def test_an_exchange_since_the_approval_is_named_at_the_top_and_in_its_row(
    shop: Shop, change: Callable[[Shop], None], send: str, expected: str, words: tuple[str, ...]
) -> None:
    approve(shop)
    change(shop)
    found = reports(shop, *words)
    for kind, text in found.items():
        assert re.search(r"Changed since the approval by ann, today at \d\d:\d\d: 1 edited", text), kind
        assert len(re.findall(expected, text)) >= 2, kind
    assert re.search(rf"{send}: {expected}", found["text"])
    (row,) = [line for line in found["markdown"].split("\n") if f"| `{send}` |" in line]
    assert re.search(f"edited: {expected}", row)
    (row,) = [one for one in found["html"].split("<tr>") if f" · {send}</span>" in one]
    assert re.search(f">edited<.*<b>{expected}</b>", row, re.DOTALL)
    (top,) = re.findall(r'id="changes">(.*?)</div>', found["html"], re.DOTALL)
    assert (base64.b64encode(PICTURES[1]).decode() in top) is (change is _picture)
    assert not re.search(r"not-in-this-change|has not been edited since", "".join(found.values()))


def test_what_nobody_saw_yet_is_named_beside_what_changed(shop: Shop) -> None:
    approve(shop)
    shop.write(news=campaign_file("新品到店。"))
    commit(shop)
    shop.succeed("withdraw", "link", "--reason", "x")
    for kind, text in reports(shop).items():
        assert re.search(r"Changed since the approval by ann, today at \d\d:\d\d: 1 added", text), kind


def test_a_rule_that_was_changed_is_named_at_the_top(shop: Shop) -> None:
    approve(shop)
    shop.edit("_settings", "duplicate_content_days: 0", "duplicate_content_days: 0, max_recipients: 900")
    found = reports(shop)
    (top,) = re.findall(r'id="changes">(.*?)</div>', found["html"], re.DOTALL)
    assert "policy.max_recipients: – → 900" in top


def test_what_is_approved_or_never_was_is_compared_with_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wechat_campaigns.fetch.changed_since.compare_since", None)
    assert {one["approval"]["lack"] for one in shop.plan()["sends"]} == {"nobody"}
    approve(shop)
    assert {one["approval"]["lack"] for one in shop.plan()["sends"]} == {None}
    for kind, text in reports(shop).items():
        assert "Changed since" not in text, kind


def test_a_ref_that_was_named_goes_before_the_approval(shop: Shop) -> None:
    approve(shop)
    _link(shop)
    commit(shop)
    for kind, text in reports(shop, "--changed-since", "HEAD~1").items():
        assert "Changed since HEAD~1: 1 edited" in text, kind
        assert "the approval" not in text, kind


def test_a_shallow_clone_says_what_to_fetch(shop: Shop, tmp_path: Path) -> None:
    approve(shop)
    _link(shop)
    commit(shop)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{shop.folder}", str(clone))
    for kind, text in reports(Shop(clone, shop.sandbox), "--offline").items():
        assert "fetch-depth: 0" in text, kind
        assert "Changed since" not in text, kind


def test_an_approval_that_ended_is_said_to_have_ended(shop: Shop) -> None:
    approve(shop)
    shop.succeed("hold", "main", "--reason", "x")
    shop.succeed("unhold", "main", "--reason", "x")
    assert "its approval by ann ended" in reports(shop)["text"]


def test_each_send_is_compared_with_its_own_approval(shop: Shop) -> None:
    with_second_account(shop)
    shop.write(other=f"account: shop\n{CAMPAIGNS['same']}")
    commit(shop)
    shop.succeed("ledger", "guard", "--reason", "x", "--auto-approve")
    approve(shop)
    shop.edit("other", "没有变", "变了")
    commit(shop)
    approve(shop, BOB, "--accounts", "shop")
    shop.edit("other", "变了", "又变了")
    _link(shop)
    text = reports(shop)["text"]
    assert re.search(r"the approval by ann, today at \S+; bob, today at \S+: 2 edited", text)
    assert "other: 变了 → 又变了" in text
