"""An account without its AppSecret: a token that somebody else renews calls, a key of its own signs."""

import json
import re
import shutil
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.console import set_noon
from tests.support.playground import PICTURES
from tests.support.served import QuietHandler, served
from tests.support.shop import LEDGER_KEY, SENDALL, SHOP_APPID, MakeShop, Shop, campaign_file
from tests.support.source import ROOT
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.source.secret import SANDBOX_SECRET

APPID = "wx0000000000000001"
RECIPE_APPID = "wx1234567890abcdef"
STABLE_TOKEN = "/cgi-bin/stable_token"
PROGRAM = """\
import json, sys, urllib.request
appid, url = sys.argv[1:]
print(appid, file=open("asked", "a"))
where = f"{url}/cgi-bin/token?grant_type=client_credential&appid={appid}&secret=" + "0" * 32
print(json.load(urllib.request.urlopen(where))["access_token"])
"""
"""What a token server's client does: each call gets a new token."""


def token_of(shop: Shop, appid: str = APPID) -> str:
    who = {"grant_type": "client_credential", "appid": appid, "secret": SANDBOX_SECRET}
    return str(
        requests.post(f"{shop.sandbox.url}{STABLE_TOKEN}", json=who, timeout=60).json()["access_token"]
    )


def account(appid: str, token: str, *more: str) -> str:
    parts = (f"kind: service, appid: {appid}, token: {token}", "ledger_key: {env: LEDGER_KEY}", *more)
    return f"{{{', '.join(parts)}}}"


def use_accounts(shop: Shop, /, **accounts: str) -> None:
    """Write these accounts into the settings, in the place of `main` and its AppSecret."""
    file = shop.folder / "campaigns/_settings.yaml"
    head, _accounts, _rest = file.read_text(encoding="utf-8").partition("    accounts:")
    lines = "".join(f"      {name}: {text}\n" for name, text in accounts.items())
    file.write_text(f"{head}    accounts:\n{lines}    default_account: main\n", encoding="utf-8")


def by_command(shop: Shop, appid: str = APPID) -> str:
    return f"{{command: {json.dumps([sys.executable, 'token.py', appid, shop.sandbox.url])}}}"


def write_token(file: Path, token: str) -> str:
    file.touch(0o600)
    file.write_text(f"{token}\n", encoding="utf-8")
    return f"{{file: {file}}}"


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    """One account by a command; the settings name no AppSecret."""
    made = make_shop(begin=False)
    (made.folder / "token.py").write_text(PROGRAM, encoding="utf-8")
    use_accounts(made, main=account(APPID, by_command(made)))
    made.succeed("ledger", "init")
    made.write(sale=campaign_file("早"))
    return made


def asked(shop: Shop) -> int:
    """How often the program was asked for a token."""
    file = shop.folder / "asked"
    return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


def outcomes(shop: Shop) -> tuple[int, dict[str, dict[str, Any]]]:
    """Apply; the exit code, and each outcome by its send."""
    code, data = shop.data("apply", "--auto-approve")
    return code, {row["id"]: row for row in data["outcomes"]}


def test_whole_work_goes_by_the_token_of_somebody_else(shop: Shop, tmp_path: Path) -> None:
    """Each command, uploads too, and nothing asks WeChat for a token of its own."""
    for picture in ("cup.png", "cover.png"):
        (shop.folder / "campaigns" / picture).write_bytes((PICTURES / "cup.png").read_bytes())
    (shop.folder / "campaigns/tea.md").write_text("新茶上市\n\n![](cup.png)\n", encoding="utf-8")
    article = "{articles: [{title: 秋茶, body: tea.md, cover: {file: cover.png}}]}"
    shop.write(
        tea=f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {article}\n",
        cup="filter: {tag: 会员}\nmsgtype: image\ncontent: {file: cup.png}\n",
    )
    token = token_of(shop)
    file = write_token(tmp_path / "token", token)
    use_accounts(shop, main=account(APPID, file))
    before, shown = len(shop.sandbox.requests()), []
    preview, preview_tea = (("preview", name, "--to", shop.sandbox.openids()[0]) for name in ("sale", "tea"))
    for words in (
        ("plan",), ("doctor",), ("tags",), preview, preview_tea, ("drafts",), ("pull", "秋茶", "pulled"),
        ("apply", "sale", "tea", "cup"), ("status",), ("ledger", "verify", "--macs"),
        ("hold", "main", "--reason", "x"), ("unhold", "main", "--reason", "x"),
    ):  # fmt: skip
        more = ("--auto-approve",) if words[0] == "apply" else ()
        code, said = shop.run(*words, *more, WECHAT_MAIN_SECRET="")
        assert code == ExitCode.OK, (words, said)
        shown.append(said)
    paths = {one["path"] for one in shop.sandbox.requests()[before:]}
    assert not {path for path in paths if "token" in path}, paths
    assert {"/cgi-bin/media/uploadimg", "/cgi-bin/material/add_material", "/cgi-bin/draft/add"} <= paths
    assert len(shop.sandbox.jobs()) == 3
    assert token not in "".join(shown)
    assert LEDGER_KEY not in "".join(shown)
    doctor = " ".join(shown[1].split())
    assert "calls: `token` from a file; ledger: signed with ledger_key from an environment variable" in doctor

    set_noon(shop.sandbox, days_on=2)
    write_token(tmp_path / "token", token_of(shop))
    code, said = shop.run("report", "--refresh", WECHAT_MAIN_SECRET="")
    assert code == ExitCode.OK, said
    assert "/datacube/getarticletotaldetail" in {one["path"] for one in shop.sandbox.requests()}


@pytest.mark.parametrize("errcode", [40001, 42001])
@pytest.mark.parametrize("endpoint", [SENDALL, "tags/get"])
def test_token_that_expires_in_the_middle_is_asked_for_once_more(
    shop: Shop, endpoint: str, errcode: int
) -> None:
    """WeChat refused the call before it looked at it; a send is made once more by an intent of its own."""
    shop.sandbox.fault(endpoint=endpoint, kind="errcode", errcode=errcode)
    code, said = shop.run("apply", "--auto-approve")
    assert (code, shop.texts(), asked(shop)) == (ExitCode.OK, ["早"], 2), said
    kinds = [event["kind"] for event in shop.log()]
    calls = 2 if endpoint == SENDALL else 1
    assert (kinds.count("intent"), shop.posts()) == (calls, calls)


def test_token_that_stays_the_same_is_a_row_and_no_loop(shop: Shop, tmp_path: Path) -> None:
    file, first = tmp_path / "token", token_of(shop)
    use_accounts(shop, main=account(APPID, write_token(file, first)))
    shop.write(second=campaign_file("晚"))
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=42001)
    code, rows = outcomes(shop)
    assert {name: row["result"] for name, row in rows.items()} == {"sale": "not_sent", "second": "skipped"}
    assert "still gives the same one" in rows["sale"]["reason"], rows
    assert (code, shop.posts(), shop.texts()) == (ExitCode.SECRET, 1, [])
    for endpoint in ("tags/get", "openapi/quota/get"):
        shop.sandbox.fault(endpoint=endpoint, kind="errcode", errcode=42001)
    assert shop.run("plan")[0] == shop.run("doctor")[0] == ExitCode.SECRET
    write_token(file, token_of(shop))
    assert (shop.apply(), shop.texts()) == (ExitCode.OK, ["早", "晚"])


def test_two_accounts_run_beside_each_other_and_one_has_no_token(shop: Shop, tmp_path: Path) -> None:
    use_accounts(
        shop,
        main=account(APPID, by_command(shop)),
        shop=account(SHOP_APPID, by_command(shop, SHOP_APPID)),
        gone=account("wx0000000000000003", f"{{file: {tmp_path / 'none'}}}"),
    )
    shop.succeed("ledger", "init")
    shop.write(other=campaign_file("晚", "account: shop\n"), lost=campaign_file("午", "account: gone\n"))
    code, rows = outcomes(shop)
    results = {name: row["result"] for name, row in rows.items()}
    assert results == {"sale": "accepted", "other": "accepted", "lost": "not_sent"}, rows
    assert (code, sorted(shop.texts()), asked(shop)) == (ExitCode.SECRET, ["早", "晚"], 2)
    assert {job["appid"]: job["content"]["text"] for job in shop.sandbox.jobs()} == {
        APPID: "早", SHOP_APPID: "晚"
    }  # fmt: skip


MEETING = """\
import pathlib, sys, time
mine, others = pathlib.Path(f"at-{sys.argv[1]}"), pathlib.Path(".")
mine.touch()
while len(list(others.glob("at-*"))) < 2:
    time.sleep(0.01)
print(pathlib.Path(f"token-{sys.argv[1]}").read_text())
"""
"""Ends only if the program of another account runs beside it."""


def test_programs_of_accounts_run_beside_each_other(shop: Shop) -> None:
    """One that hangs keeps no other account waiting."""
    (shop.folder / "meeting.py").write_text(MEETING, encoding="utf-8")
    places = {one: json.dumps([sys.executable, "meeting.py", one]) for one in (APPID, SHOP_APPID)}
    for appid in places:
        write_token(shop.folder / f"token-{appid}", token_of(shop, appid))
    use_accounts(
        shop,
        main=account(APPID, f"{{command: {places[APPID]}}}"),
        shop=account(SHOP_APPID, f"{{command: {places[SHOP_APPID]}}}"),
    )
    shop.succeed("ledger", "init")
    shop.write(other=campaign_file("晚", "account: shop\n"))
    assert (shop.apply(), sorted(shop.texts())) == (ExitCode.OK, ["早", "晚"])


def test_one_place_serves_a_fleet_by_the_appid_in_it(shop: Shop, tmp_path: Path) -> None:
    program = json.dumps([sys.executable, "token.py", "{appid}", shop.sandbox.url])
    key = "import hashlib; print(hashlib.sha256(b'{appid}').hexdigest())"
    keys = f"ledger_key: {{command: {json.dumps([sys.executable, '-c', key])}}}"
    names = {"main": APPID, "shop": SHOP_APPID}
    places = (f"{{command: {program}}}", f"{{file: '{tmp_path}/{{appid}}'}}")
    for number, token in enumerate(places, 1):
        shop.sandbox.advance(24 * 3600)
        accounts = {
            name: f"{{kind: service, appid: {appid}, token: {token}, {keys}}}"
            for name, appid in names.items()
        }
        if "file" in token:
            for appid in names.values():
                write_token(tmp_path / appid, token_of(shop, appid))
        use_accounts(shop, **accounts)
        shop.succeed("ledger", "guard", "--auto-approve", "--old-secret", "LEDGER_KEY", "--reason", "x")
        shop.succeed("ledger", "init")
        shop.write(
            sale=campaign_file(f"早{number}", f"revision: {number}\n"),
            other=campaign_file(f"晚{number}", f"account: shop\nrevision: {number}\n"),
        )
        code, said = shop.run("apply", "--auto-approve")
        assert code == ExitCode.OK, said
    assert [job["appid"] for job in shop.sandbox.jobs() if "晚" in job["content"]["text"]] == [SHOP_APPID] * 2
    assert asked(shop) == 2


@pytest.mark.parametrize("both_send", [True, False])
def test_one_token_for_two_accounts_sends_for_neither(shop: Shop, tmp_path: Path, both_send: bool) -> None:
    """One of the two would send to the other's followers, and nothing in WeChat's answers tells which."""
    token = token_of(shop, SHOP_APPID)
    files = (write_token(tmp_path / name, token) for name in ("one", "two"))
    use_accounts(shop, main=account(APPID, next(files)), shop=account(SHOP_APPID, next(files)))
    shop.succeed("ledger", "init")
    if both_send:
        shop.write(other=campaign_file("晚", "account: shop\n"))
    code, by_send = outcomes(shop)
    rows = by_send.values()
    assert {row["result"] for row in rows} == {"not_sent"}, by_send
    other = {"main": "shop", "shop": "main"}
    assert all(f" {other[row['account']]} " in row["reason"] for row in rows), "each names the other"
    assert all(row["reason"].count(f"account {row['account']}") == 1 for row in rows), by_send
    assert (code, shop.posts()) == (ExitCode.SECRET, 0)
    use_accounts(shop, **dict.fromkeys(("main", "shop"), account(APPID, "{env: A}")))
    shop.edit("_settings", APPID, SHOP_APPID)
    code, said = shop.run("validate")
    assert (code, "same `token`" in said) == (ExitCode.OK, False), said


@pytest.fixture
def environments(shop: Shop, tmp_path: Path) -> Shop:
    """Two environments with an account each, whose token is in a file; each has sent a message."""
    shop.sandbox.control("POST", "accounts", {"appid": SHOP_APPID, "kind": "service"})
    files = {one: write_token(tmp_path / one, token_of(shop, one)) for one in (APPID, SHOP_APPID)}
    use_accounts(shop, main=account(APPID, files[APPID]))
    shop.add_environment("production", (APPID, SHOP_APPID))
    for environment in ("shop", "production"):
        shop.succeed("ledger", "init", "--env", environment)
        shop.succeed("apply", "--auto-approve", "--env", environment)
    set_noon(shop.sandbox, days_on=1)
    shop.write(late=campaign_file("晚"))
    for appid in files:
        write_token(tmp_path / appid, token_of(shop, SHOP_APPID))
    return shop


def test_token_of_another_account_changes_nothing_there(environments: Shop) -> None:
    """One that is of production, too: its followers would get the message twice."""
    shop = environments
    code, said = outcomes(shop)
    shop.succeed("apply", "--auto-approve", "--env", "production")
    received = [job["appid"] for job in shop.sandbox.jobs() if job["content"]["text"] == "晚"]
    assert (code, received) == (ExitCode.SECRET, [SHOP_APPID]), said
    tester = shop.sandbox.openids()[0]
    assert shop.run("preview", "late", "--to", tester)[0] == ExitCode.SECRET
    (shop.folder / "campaigns/cup.png").write_bytes((PICTURES / "cup.png").read_bytes())
    cup = "filter: {tag: 会员}\nmsgtype: image\ncontent: {file: cup.png}\n"
    shop.write(late=cup, later=cup.replace("会员", "内测"))
    before = len(shop.sandbox.requests())
    assert shop.apply() == ExitCode.SECRET
    paths = [one["path"] for one in shop.sandbox.requests()[before:]]
    assert (paths.count("/cgi-bin/user/get"), [one for one in paths if "add" in one]) == (1, [])


def test_token_that_is_renewed_in_the_middle_proves_its_account(environments: Shop) -> None:
    shop = environments
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=42001)
    program = "import glob, os; one = min(glob.glob('t-*')); print(open(one).read().strip()); os.remove(one)"
    (shop.folder / "token.py").write_text(program, encoding="utf-8")
    for place, appid in enumerate((APPID, SHOP_APPID)):
        write_token(shop.folder / f"t-{place}", token_of(shop, appid))
    command = json.dumps([sys.executable, "token.py"])
    use_accounts(shop, main=account(APPID, f"{{command: {command}}}"))
    code, said = shop.run("apply", "--auto-approve")
    assert (code, shop.texts().count("晚")) == (ExitCode.SECRET, 0), said


def test_followers_who_leave_are_replaced_and_none_proves_nothing(shop: Shop) -> None:
    """Half of those recorded have left: the others are recorded."""
    shop.succeed("apply", "--auto-approve")
    left = shop.sandbox.openids()[:40]
    shop.sandbox.control("POST", "followers", {"appid": APPID, "openids": left, "subscribe": False})
    shop.write(late=campaign_file("晚"))
    shop.sandbox.advance(24 * 3600)
    shop.succeed("apply", "--auto-approve")
    assert [event["kind"] for event in shop.log()].count("followers") == 2
    left = shop.sandbox.openids()
    shop.sandbox.control("POST", "followers", {"appid": APPID, "openids": left, "subscribe": False})
    shop.write(last=campaign_file("夜"))
    shop.sandbox.advance(24 * 3600)
    assert (shop.apply(), shop.texts()) == (ExitCode.SECRET, ["早", "晚"])


def test_clock_is_compared_before_the_intent_as_with_a_fetched_token(shop: Shop) -> None:
    """An openid list asks WeChat nothing else that would be answered with a date."""
    openids = json.dumps(shop.sandbox.openids()[:2])
    shop.write(sale=f"filter: {{openids: {openids}}}\nmsgtype: text\ncontent: 早\n")
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=3600, times=None)
    code, said = shop.run("apply", "--auto-approve")
    assert (code, "NTP" in said) == (ExitCode.POLICY, True), said
    assert "intent" not in {event["kind"] for event in shop.log()}
    shop.sandbox.drop_faults()
    shop.sandbox.fault(endpoint="message/mass/send", kind="cut_before")
    assert shop.apply() == ExitCode.UNKNOWN
    shop.sandbox.advance(16 * 60)
    settle = ("ledger", "settle", "sale#1", "--not-sent", "--reason", "not in the console")
    shop.sandbox.fault(endpoint="getcallbackip", kind="cut_before", times=None)
    code, said = shop.run(*settle)
    assert code == ExitCode.NETWORK, said
    shop.sandbox.drop_faults()
    shop.succeed(*settle)
    assert (shop.apply(), shop.texts()) == (ExitCode.OK, ["早"])


BROKEN = {
    "fails": ("print('{token}'); sys.exit('leaked {token}')", "ended with exit code 1"),
    "prints two lines": ("print('{token}'); print('{token}')", "more than one line"),
    "prints nothing": ("pass", "printed nothing"),
    "prints JSON": ('print(\'{{"access_token": "{token}"}}\')', "jq"),
    "prints null": ("print('null')", "not an access_token"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_program_that_gives_no_token_is_a_row_without_it(shop: Shop, name: str) -> None:
    code_of_it, expected = BROKEN[name]
    token = token_of(shop)
    (shop.folder / "token.py").write_text(f"import sys\n{code_of_it.format(token=token)}\n")
    for words in (("plan",), ("apply", "--auto-approve"), ("doctor",)):
        code, said = shop.run(*words)
        assert (code, expected in " ".join(said.split())) == (ExitCode.SECRET, True), said
        assert token not in said
    assert shop.posts() == 0


@pytest.mark.parametrize("key", ["", "5e" * 31, "5E" * 32, "not hex" * 10])
def test_ledger_key_that_is_none_is_refused_and_not_shown(shop: Shop, key: str) -> None:
    for words in (("plan",), ("apply", "--auto-approve"), ("doctor",)):
        code, said = shop.run(*words, LEDGER_KEY=key)
        assert code == ExitCode.SECRET, said
        assert not key or key not in said
    assert shop.posts() == asked(shop) == 0, "who cannot sign calls nothing"


def test_doctor_blames_both_accounts_whose_programs_print_one_token(shop: Shop) -> None:
    token = token_of(shop)
    (shop.folder / "token.py").write_text(f"print({token!r})")
    both = {"main": APPID, "shop": SHOP_APPID}
    use_accounts(shop, **{name: account(appid, by_command(shop, appid)) for name, appid in both.items()})
    shop.succeed("ledger", "init")
    code, found = shop.data("doctor")
    wrong = [one["account"] for one in found["checks"] if one["grade"] == "error" and one["account"]]
    assert (code, sorted(wrong)) == (ExitCode.SECRET, ["main", "shop"]), found
    assert token not in str(found)


def test_frozen_appsecret_has_a_way_out_that_keeps_the_ledger(make_shop: MakeShop, tmp_path: Path) -> None:
    """The AppSecret stays the root of the macs; only the calls go by the token."""
    shop = make_shop()
    shop.write(sale=campaign_file("早"))
    token = write_token(tmp_path / "token", token_of(shop))
    shop.sandbox.fault(endpoint="stable_token", kind="errcode", errcode=40243, times=None)
    code, said = shop.run("doctor")
    assert (code, "`token`" in said) == (ExitCode.WECHAT, True), said
    shop.edit("_settings", "}}}", f"}}, token: {token}}}}}")
    assert (shop.apply(), shop.texts()) == (ExitCode.OK, ["早"])
    shop.succeed("ledger", "verify", "--macs")


class TokenServer(QuietHandler):
    """Answers with the access_token alone, or in JSON."""

    token = ""

    def do_GET(self) -> None:
        is_json = self.path.endswith("json")
        body = json.dumps({"access_token": self.token, "expires_in": 7200}) if is_json else self.token
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.mark.parametrize("page", ["first-account.md", "first-account.zh-CN.md"])
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_recipes_of_the_page_for_a_token_server(shop: Shop, page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").replace("\\|", "|")
    recipes = re.findall(r"`(\{command: \[(?:curl|sh),.*?\]\})`", text)
    assert len(recipes) == 2
    handler = type("Handler", (TokenServer,), {"token": token_of(shop)})
    with served(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        for recipe in recipes:
            form = "json" if "jq" in recipe else "text"
            address = f"http://127.0.0.1:{server.server_address[1]}/{form}"
            own = recipe.replace(f"https://tokens.internal/{RECIPE_APPID}", address)
            assert address in own
            use_accounts(shop, main=account(APPID, own))
            shop.succeed("plan")
