"""`for_each: {accounts: …}`: a send for each account, with words of its own."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.folder import parsed
from tests.unit.render.test_render import OPENIDS, make_settings
from wechat_campaigns.core.settings import Account, AccountKind, Secret
from wechat_campaigns.messages import Text
from wechat_campaigns.render.compile import has_send
from wechat_campaigns.render.render import CompiledCampaign, render
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import CampaignFile, find_campaigns
from wechat_campaigns.source.settings import load_settings
from wechat_campaigns.source.validate import Campaign, check_campaign

LABELS = {"main": ("retail", "north"), "shop": ("retail",), "paper": ()}
API = "https://api.weixin.qq.com"


def accounts(**more: str) -> dict[str, Account]:
    """The accounts of `LABELS`, and others that have the AppID of one of them."""
    made = {
        name: Account(
            name=name, kind=AccountKind.SERVICE, appid=f"wx{name}", labels=labels, secret=Secret(env="SECRET")
        )
        for name, labels in LABELS.items()
    }
    for name, other in more.items():
        made[name] = Account(
            name=name, kind=AccountKind.SERVICE, appid=f"wx{other}", secret=Secret(env="SECRET")
        )
    return made


def compiled(root: Path, for_each: str, *, more: str = "", api: str = API, **others: str) -> CompiledCampaign:
    text = "欢迎来{{ account.name }}{% if 'north' in account.labels %}北方店{% endif %}"
    head = f'filter: {{tag: 会员}}\nmsgtype: text\ncontent: "{text}"\n'
    campaign = check_campaign(parsed(f"{head}for_each: {for_each}\n{more}"))
    if not isinstance(campaign, Campaign):
        return CompiledCampaign(id="sale", file_problems=campaign)
    environment: dict[str, Any] = {"accounts": accounts(**others), "default_account": None, "api": api}
    return render(campaign, settings=make_settings(environment=environment), files=Files(root))


def problems(result: CompiledCampaign) -> list[tuple[str, str]]:
    return [(one.rule, one.path) for one in (*result.file_problems, *result.problems)]


@pytest.mark.parametrize(
    ("for_each", "names"),
    [
        ("{accounts: [shop, main]}", ["shop", "main"]),
        ("{accounts: [main, main]}", ["main"]),
        ("{accounts: {label: retail}}", ["main", "shop"]),
        ("{accounts: {label: north}}", ["main"]),
    ],
)
def test_each_account_sends_words_of_its_own(tmp_path: Path, for_each: str, names: list[str]) -> None:
    result = compiled(tmp_path, for_each)
    assert problems(result) == []
    assert [(one.id, one.account, one.content) for one in result.sends] == [
        (f"sale[{name}]", name, Text(content=f"欢迎来{name}{'北方店' * (name == 'main')}")) for name in names
    ]
    assert {one.location.line for one in result.sends} == {4}


@pytest.mark.parametrize(
    ("for_each", "more", "expected"),
    [
        ("{accounts: [main, mian]}", "", [("account", "$.for_each.accounts[1]")]),
        ("{accounts: {label: retial}}", "", [("account-label", "$.for_each.accounts.label")]),
        ("{accounts: [main]}", "account: main", [("account-and-accounts", "$.account")]),
        ("{accounts: [main], beijing: {}}", "", [("unknown-key", "$.for_each.beijing")]),
        ("{accounts: []}", "", [("too-few", "$.for_each.accounts")]),
        ("{accounts: main}", "", [("wrong-type", "$.for_each.accounts")]),
        ("{accounts: {labels: retail}}", "", [("unknown-key", "$.for_each.accounts.labels")]),
    ],
)
def test_mistake_is_found_where_it_is(
    tmp_path: Path, for_each: str, more: str, expected: list[tuple[str, str]]
) -> None:
    result = compiled(tmp_path, for_each, more=more)
    assert problems(result)[: len(expected)] == expected
    if "retial" in for_each:
        assert all(label in result.problems[0].hint for label in ("`north`", "`retail`"))


def test_filter_is_missing() -> None:
    found = check_campaign(parsed("msgtype: text\ncontent: x\nfor_each: {accounts: [main]}\n"))
    assert isinstance(found, tuple)
    assert [one.rule for one in found] == ["missing-key"]


def test_two_names_of_one_account_are_refused_but_by_the_sandbox(tmp_path: Path) -> None:
    written = "{accounts: [main, again]}"
    assert problems(compiled(tmp_path, written, again="main")) == [("account-twice", "$.for_each.accounts")]
    assert problems(compiled(tmp_path, "{accounts: [main, MAIN]}", MAIN="other")) == [
        ("account-twice", "$.for_each.accounts")
    ]
    same, *by_case = (
        compiled(tmp_path, "{accounts: [main, MAIN]}", api=api, MAIN=appid).problems[0]
        for api, appid in ((API, "main"), (API, "other"), ("sandbox", "other"))
    )
    assert by_case[0].hint == by_case[1].hint != same.hint, "one has to be renamed, not removed"
    rehearsal = compiled(tmp_path, written, api="sandbox", again="main")
    assert [one.id for one in rehearsal.sends] == ["sale[main]", "sale[again]"]


def test_openids_are_of_one_account(tmp_path: Path) -> None:
    for name, listed in {"main": OPENIDS[:2], "shop": OPENIDS[2:4], "all": OPENIDS[1:3]}.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(listed), encoding="utf-8")

    def listing(file: str) -> CompiledCampaign:
        written = f"filter: {{openids: {{file: {file}}}}}\nmsgtype: text\ncontent: x\n"
        campaign = check_campaign(parsed(f"{written}for_each: {{accounts: [main, shop]}}\n"))
        assert isinstance(campaign, Campaign)
        settings = make_settings(environment={"accounts": accounts(), "api": API})
        return render(campaign, settings=settings, files=Files(tmp_path))

    own = listing('"{{ account.name }}.txt"')
    assert [(one.id, one.filter.openids) for one in own.sends] == [
        ("sale[main]#1", tuple(OPENIDS[:2])),
        ("sale[shop]#1", tuple(OPENIDS[2:4])),
    ]
    assert problems(listing("all.txt")) == [("openids-of-accounts", "$.filter.openids")]


def test_former_id_of_an_account_that_a_campaign_still_has(tmp_path: Path) -> None:
    head = "filter: {tag: 会员}\nmsgtype: text\ncontent: x\nfor_each: {accounts: "
    for name, written in {"listed": "[main]", "labelled": "{label: retail}"}.items():
        (tmp_path / f"{name}.yaml").write_text(f"{head}{written}}}\n", encoding="utf-8")
    files: dict[str, CampaignFile] = {one.id: one for one in find_campaigns(tmp_path, (), "")[0]}
    assert [has_send(files["listed"], name) for name in ("main", "shop")] == [True, False]
    assert has_send(files["labelled"], "anything"), "whom a label finds is in the settings"


def test_rehearsal_has_the_labels_of_the_real_accounts(tmp_path: Path) -> None:
    settings = "{kind: service, appid: wx00000000000000aa, secret: {env: SECRET}, labels: [retail]}"
    (tmp_path / "_settings.yaml").write_text(
        f"environments:\n  production:\n    api: {API}\n    accounts: {{main: {settings}}}\n",
        encoding="utf-8",
    )
    assert load_settings(tmp_path).environment.accounts["main"].labels == ("retail",)
