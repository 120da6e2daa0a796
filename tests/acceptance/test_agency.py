"""An agency's evening: accounts that authorised its third-party platform, and not one AppSecret."""

import json
import subprocess
import sys
from pathlib import Path

from tests.acceptance.test_own_token import account, outcomes, use_accounts, write_token
from tests.support.playground import Sandbox
from tests.support.shop import MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.source.secret import SANDBOX_SECRET

PLATFORM = "wx00000000000000f1"
APPIDS = {f"shop{number}": f"wx{number:016}" for number in range(11, 23)}
PROGRAM = """\
import json, sys, urllib.request
url, platform, ours, appid = sys.argv[1:]
def ask(name, **body):
    where = f"{url}/cgi-bin/component/api_{name}?component_access_token={ours}"
    body = json.dumps({"component_appid": platform, **body}).encode()
    return json.load(urllib.request.urlopen(where, body))
refresh = {one["authorizer_appid"]: one["refresh_token"] for one in ask("get_authorizer_list")["list"]}
about = {"authorizer_appid": appid, "authorizer_refresh_token": refresh[appid]}
print(ask("authorizer_token", **about)["authorizer_access_token"])
"""
"""What the platform's own token command does."""


def change(sandbox: Sandbox, **spec: object) -> str:
    """Change the platform; its ticket."""
    (about,) = sandbox.control("POST", "platforms", {"appid": PLATFORM, **spec})["platforms"]
    return str(about["component_verify_ticket"])


def token_program(shop: Shop, ticket: str) -> list[str]:
    """Write the program that prints a token for the AppID behind these words."""
    (shop.folder / "token.py").write_text(PROGRAM, encoding="utf-8")
    about = {"component_appid": PLATFORM, "component_appsecret": SANDBOX_SECRET}
    answer = shop.sandbox.call("component/api_component_token", {**about, "component_verify_ticket": ticket})
    return [sys.executable, "token.py", shop.sandbox.url, PLATFORM, answer["component_access_token"]]


def test_each_account_gets_its_send_once_and_three_rows_say_why_not(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    """One account withdrew, one took mass sends away, of one the token ended and nobody renewed it."""
    shop = make_shop(begin=False)
    seed = [{"appid": appid, "followers": 10, "options": {"frozen": True}} for appid in APPIDS.values()]
    shop.sandbox.control("POST", "seed", {"accounts": seed})
    ticket = change(shop.sandbox, authorized={appid: [2, 7, 11] for appid in APPIDS.values()})
    program = token_program(shop, ticket)

    def renew(name: str) -> str:
        words = [*program, APPIDS[name]]
        return subprocess.run(words, cwd=shop.folder, text=True, check=True, stdout=subprocess.PIPE).stdout

    sources = {name: f"{{command: {json.dumps([*program, appid])}}}" for name, appid in APPIDS.items()}
    for name in ("shop12", "shop19"):
        sources[name] = write_token(tmp_path / name, renew(name).strip())
    use_accounts(shop, **{name: account(APPIDS[name], source) for name, source in sources.items()})
    shop.edit("_settings", "default_account: main", "default_account: shop11")
    shop.succeed("ledger", "init")
    shop.write(**{name: campaign_file(name, f"account: {name}\n") for name in APPIDS})
    assert shop.run("plan")[0] == ExitCode.OK

    change(shop.sandbox, authorized={APPIDS["shop12"]: None, APPIDS["shop15"]: [2, 11]})
    renew("shop19")
    code, said = shop.run("apply", "--auto-approve", "-o", "json", "--quiet")
    reasons = {name: row["reason"] for name, row in outcomes(said).items() if row["result"] != "accepted"}
    assert code not in (ExitCode.OK, ExitCode.UNKNOWN)
    assert [*sorted(reasons)] == ["shop12", "shop15", "shop19"]
    assert ("61003" in reasons["shop12"], "61007" in reasons["shop15"]) == (True, True), reasons
    assert "still gives the same one" in reasons["shop19"], reasons
    assert sorted(shop.texts()) == sorted({*APPIDS} - {*reasons})

    change(shop.sandbox, authorized={APPIDS[name]: [2, 7, 11] for name in ("shop12", "shop15")})
    for name in ("shop12", "shop19"):
        write_token(tmp_path / name, renew(name).strip())
    code, said = shop.run("apply", "--auto-approve")
    assert (code, sorted(shop.texts())) == (ExitCode.OK, sorted(APPIDS)), said
    assert shop.run("apply", "--auto-approve")[0] == ExitCode.OK
    assert sorted(shop.texts()) == sorted(APPIDS), "nothing twice"
    assert not {one["path"] for one in shop.sandbox.requests() if one["appid"] in APPIDS.values()} & {
        "/cgi-bin/stable_token", "/cgi-bin/token"
    }  # fmt: skip
