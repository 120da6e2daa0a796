"""Accounts in files of their own: one set of settings with `_settings.yaml`, and each account in one file."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.source.test_settings import problems_of
from wechat_campaigns.core.errors import InvalidError
from wechat_campaigns.core.settings import Account, Settings
from wechat_campaigns.plan.rule_changes import rules_of
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import require_folder
from wechat_campaigns.source.settings import load_settings

API = "api: https://api.weixin.qq.com, ledger: git"
MAIN = "{kind: service, appid: wx0000000000000001, secret: {env: MAIN}}"
SHOP = "{kind: service, appid: wx0000000000000002, secret: {env: SHOP}}"
SETTINGS = f"environments:\n  production: {{{API}, accounts: {{main: {MAIN}}}}}\n"
WITHOUT = f"environments:\n  production: {{{API}}}\n"


def write(root: Path, settings: str, **files: str) -> Path:
    """Write the settings, and files of accounts; `__` in a name is a folder."""
    (root / "_settings.yaml").write_text(settings, encoding="utf-8")
    for name, text in files.items():
        file = root / "_accounts" / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def accounts(root: Path, environment: str = "production") -> dict[str, Account]:
    return dict(load_settings(root, environment=environment).environment.accounts)


def test_an_account_is_the_same_in_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    inside = write(tmp_path / "inside", SETTINGS)
    (tmp_path / "apart").mkdir()
    apart = write(tmp_path / "apart", WITHOUT, main=f"production:\n  main: {MAIN}\n")
    assert accounts(inside) == accounts(apart)


def test_files_add_to_the_settings_in_order_of_their_names(tmp_path: Path) -> None:
    third = MAIN.replace("0001", "0003").replace("MAIN", "THIRD")
    write(tmp_path, SETTINGS, z=f"production: {{shop: {SHOP}}}", team__a=f"production: {{third: {third}}}")
    assert list(accounts(tmp_path)) == ["main", "third", "shop"]


def test_a_file_may_have_an_account_in_several_environments(tmp_path: Path) -> None:
    settings = f"{WITHOUT}  staging: {{{API}}}\n"
    write(tmp_path, settings, main=f"production: {{main: {MAIN}}}\nstaging: {{main: {SHOP}}}")
    assert accounts(tmp_path, "staging")["main"].appid == "wx0000000000000002"


@pytest.mark.parametrize("name", [".shop.yaml", ".#shop.yaml", "shop.yaml~", "README.md"])
def test_what_editors_leave_is_no_file_of_accounts(name: str, tmp_path: Path) -> None:
    write(tmp_path, SETTINGS, shop=f"production: {{shop: {SHOP}}}")
    (tmp_path / "_accounts" / name).write_text("x: [", encoding="utf-8")
    assert list(accounts(tmp_path)) == ["main", "shop"]


def places(root: Path) -> list[tuple[str, int | None, str, str]]:
    return [
        (Path(one.location.file).name, one.location.line, one.path, one.rule) for one in problems_of(root)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"production:\n  main: {SHOP}", (2, "$.production.main", "account-in-two-files")),
        (f"production:\n  other: {MAIN}", (2, "$.production.other", "account-in-two-files")),
        (f"staging:\n  other: {MAIN}", (2, "$.staging.other", "account-in-two-files")),
        (f"prodction:\n  shop: {SHOP}", (1, "$.prodction", "unknown-environment")),
        (f"production:\n  - shop: {SHOP}", (2, "$.production", "accounts-by-environment")),
        ("- production", (1, "$", "accounts-by-environment")),
        (f"production:\n  shop: {{{SHOP[1:45]}}}", (2, "$.production.shop", "missing-key")),
        (f"production:\n  shop: {SHOP}\n  shop: {SHOP}", (3, "$.production.shop", "yaml-duplicate-key")),
        (f"production:\n  shop: {SHOP.replace('kind', 'knd')}", (2, "$.production.shop.knd", "unknown-key")),
        ("production: {shop: {secret: !x y}}", (1, "$.production.shop.secret", "yaml-tag")),
        ("production: [", (1, "$", "yaml-syntax")),
    ],
)  # fmt: skip
def test_a_problem_is_shown_in_its_own_file(
    text: str, expected: tuple[int, str, str], tmp_path: Path
) -> None:
    staging = f"  staging: {{{API}, accounts: {{third: {SHOP.replace('0002', '0003')}}}}}\n"
    write(tmp_path, SETTINGS + staging, shop=text)
    assert ("shop.yaml", *expected) in places(tmp_path)
    assert not [one for one in places(tmp_path) if one[0] != "shop.yaml"]


def test_an_account_in_two_files_names_both_with_their_lines(tmp_path: Path) -> None:
    write(tmp_path, SETTINGS, a=f"production:\n  shop: {SHOP}", b=f"# here\nproduction:\n  shop: {SHOP}")
    (problem,) = problems_of(tmp_path)
    assert (problem.location.file, problem.location.line) == ((tmp_path / "_accounts/b.yaml").as_posix(), 3)
    assert f"{(tmp_path / '_accounts/a.yaml').as_posix()}, line 2" in problem.message


def test_an_environment_without_any_account_is_refused(tmp_path: Path) -> None:
    write(tmp_path, WITHOUT)
    assert [one.rule for one in problems_of(tmp_path)] == ["no-account"]


def test_what_looks_at_several_accounts_looks_at_those_of_all_files(tmp_path: Path) -> None:
    """`appid-kind`, `two-ledgers`, `one-token` and unknown names are of the whole settings."""
    held = f"environments: {{production: {{{API}, default_account: shop}}}}\n"
    write(tmp_path, held, shop=f"production: {{shop: {SHOP}}}")
    assert load_settings(tmp_path, environment="production").environment.default_account == "shop"
    same = "token: {env: T}, ledger_key: {env: K}"
    for name, appid in (("a", "wx000000000000000a"), ("b", "wx000000000000000b")):
        write(tmp_path, held, **{name: f"production: {{{name}: {{kind: service, appid: {appid}, {same}}}}}"})
    assert places(tmp_path) == [("b.yaml", 1, "$.production.b.token", "one-token")]


@pytest.mark.parametrize("link", ["_accounts", "_accounts/shop.yaml", "_accounts/team"])
def test_a_link_is_not_read(link: str, tmp_path: Path) -> None:
    root, elsewhere = write(tmp_path, SETTINGS), tmp_path / "elsewhere"
    (elsewhere / "team").mkdir(parents=True)
    (elsewhere / "shop.yaml").write_text(f"production: {{shop: {SHOP}}}", encoding="utf-8")
    if "/" in link:
        (root / "_accounts").mkdir()
    (root / link).symlink_to(elsewhere if link == "_accounts" else elsewhere / link.rpartition("/")[2])
    with pytest.raises(InvalidError) as caught:
        require_folder(root)
    assert [one.rule for one in caught.value.problems] == ["file-link"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (write(tmp_path, SETTINGS) / "_accounts").write_text(f"production: {{shop: {SHOP}}}", encoding="utf-8")
    assert places(tmp_path) == [("_accounts", None, "$", "not-a-folder")]


def test_secrets_of_a_file_are_never_repeated(tmp_path: Path) -> None:
    word = "5f4dcc3b5aa765d61d8327deb882cf99"
    write(tmp_path, SETTINGS, shop=f"production: {{shop: {{secret: {word}, {word}: 1}}}}")
    assert word not in repr(problems_of(tmp_path))


# --- the name that followers see


def named(root: Path, name: str = "山月茶铺") -> Settings:
    text = MAIN.replace("{kind", f"{{name: {name}, kind")
    write(root, WITHOUT, main=f"production: {{main: {text}}}")
    return load_settings(root, environment="production")


def test_a_name_is_shown_and_the_key_stays_what_the_account_is_called_by(tmp_path: Path) -> None:
    account = named(tmp_path).environment.accounts["main"]
    assert (account.name, account.shown_name, account.heading) == ("main", "山月茶铺", "main · 山月茶铺")
    unnamed = replace(account, display_name=None)
    assert (unnamed.shown_name, unnamed.heading) == ("main", "main")


def test_a_rehearsal_shows_the_name_too(tmp_path: Path) -> None:
    named(tmp_path)
    assert load_settings(tmp_path).environment.accounts["main"].shown_name == "山月茶铺"


def test_no_rule_hangs_on_a_name(tmp_path: Path) -> None:
    one, other = named(tmp_path), named(tmp_path, "山月茶馆")
    assert rules_of(one, one.environment.accounts["main"]) == rules_of(
        other, other.environment.accounts["main"]
    )


def test_a_name_of_characters_that_nobody_sees_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError) as caught:
        named(tmp_path, '"a\\u202Eb"')
    assert [one.rule for one in caught.value.problems] == ["wrong-form"]


def test_only_a_template_that_uses_the_name_has_another_digest(tmp_path: Path) -> None:
    for file, words in (("uses.yaml", "欢迎来{{ account.name }}"), ("plain.yaml", "欢迎来{{ account.id }}")):
        text = f'filter: {{tag: 会员}}\nmsgtype: text\ncontent: "{words}"\n'
        (tmp_path / file).write_text(text, encoding="utf-8")

    def digests(settings: Settings) -> dict[str, str]:
        compiled = compile_campaigns(tmp_path, settings=settings, files=Files(tmp_path))
        shown = settings.environment.accounts["main"].display_name
        assert [one.shown_account for one in compiled.sends] == [shown, shown]
        return {one.id: one.content_digest for one in compiled.sends}

    before, after = digests(named(tmp_path)), digests(named(tmp_path, "山月茶馆"))
    assert {name for name in before if before[name] != after[name]} == {"uses"}
