"""An agency's evening: sixty accounts that authorised one third-party platform, and no AppSecret of any."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.shop import MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode

PLATFORM = {"appid": "wxplatform", "secret": "0" * 32}
APPIDS = [f"wx{number:016x}" for number in range(0xA0, 0xA0 + 60)]
MISSING, WITHDRAWN, EXPIRED = APPIDS[10], APPIDS[20], APPIDS[30]
BY_PROGRAM = APPIDS[:5]
"""Accounts whose token the platform's own program prints; those of the others are in files."""
PROGRAM = """\
import json, sys, urllib.request
url, platform, folder, appid = sys.argv[1:]
ours = open(f"{folder}/ours").read()
def ask(name, **body):
    where = f"{url}/cgi-bin/component/api_{name}?component_access_token={ours}"
    body = json.dumps({"component_appid": platform, **body}).encode()
    return json.load(urllib.request.urlopen(where, body))
listed = ask("get_authorizer_list", offset=0, count=500)["list"]
refresh = {one["authorizer_appid"]: one["refresh_token"] for one in listed}
about = {"authorizer_appid": appid, "authorizer_refresh_token": refresh[appid]}
print(ask("authorizer_token", **about)["authorizer_access_token"])
"""


def component(shop: Shop, name: str, token: str = "", **body: object) -> Any:
    where = f"{shop.sandbox.url}/cgi-bin/component/api_{name}?component_access_token={token}"
    answer = requests.post(where, json={"component_appid": PLATFORM["appid"], **body}, timeout=60).json()
    assert not answer.get("errcode"), answer
    return answer


def authorize(shop: Shop, **accounts: list[int] | None) -> None:
    shop.sandbox.control("POST", "platforms", {**PLATFORM, "authorized": accounts})


def write_tokens(shop: Shop, folder: Path) -> None:
    """Write the token of each account into its file, as the platform's sidecar does."""
    (about,) = shop.sandbox.control("GET", "platforms")["platforms"]
    ticket = about["component_verify_ticket"]
    who = {"component_appsecret": PLATFORM["secret"], "component_verify_ticket": ticket}
    ours = component(shop, "component_token", **who)["component_access_token"]
    (folder / "ours").write_text(ours, encoding="utf-8")
    for one in component(shop, "get_authorizer_list", ours, offset=0, count=500)["list"]:
        whose = {
            "authorizer_appid": one["authorizer_appid"],
            "authorizer_refresh_token": one["refresh_token"],
        }
        file = folder / one["authorizer_appid"]
        file.touch(0o600)
        file.write_text(component(shop, "authorizer_token", ours, **whose)["authorizer_access_token"])


@pytest.fixture
def agency(make_shop: MakeShop, tmp_path: Path) -> Shop:
    shop, folder = make_shop(begin=False), tmp_path / "tokens"
    folder.mkdir()
    seeds = [{"appid": one, "kind": "service", "followers": 5, "tags": ["会员"]} for one in APPIDS]
    shop.sandbox.control("POST", "seed", {"accounts": seeds})
    authorize(shop, **{one: [2, 7, 11] for one in APPIDS})
    write_tokens(shop, folder)
    file = shop.folder / "campaigns/_settings.yaml"
    head = file.read_text(encoding="utf-8").partition("    accounts:")[0]
    (shop.folder / "token.py").write_text(PROGRAM, encoding="utf-8")
    words = [sys.executable, "token.py", shop.sandbox.url, PLATFORM["appid"], str(folder), "{appid}"]
    program, keys = f"{{command: {json.dumps(words)}}}", "ledger_key: {env: LEDGER_KEY}"
    places = {one: program if one in BY_PROGRAM else f"{{file: {folder / one}}}" for one in APPIDS}
    lines = [
        f"      a{n}: {{kind: service, appid: {one}, labels: [retail], token: {place}, {keys}}}\n"
        for n, (one, place) in enumerate(places.items())
    ]
    file.write_text(f"{head}    accounts:\n{''.join(lines)}", encoding="utf-8")
    shop.succeed("ledger", "init")
    shop.write(sale=campaign_file("第{{ account.name[1:] }}家", "for_each: {accounts: {label: retail}}\n"))
    return shop


@pytest.mark.deep
def test_evening_of_sixty_accounts_under_one_platform(agency: Shop, tmp_path: Path) -> None:
    """Two lack a permission, and one token ended and was not renewed; the others are sent, once."""
    folder = tmp_path / "tokens"
    ended = (folder / EXPIRED).read_text(encoding="utf-8")
    write_tokens(agency, folder)
    (folder / EXPIRED).write_text(ended, encoding="utf-8")
    authorize(agency, **{MISSING: [2, 11], WITHDRAWN: None})
    code, said = agency.run("apply", "--auto-approve", "--quiet", "-o", "json")
    rows = json.loads(next(line for line in said.splitlines() if line.startswith("{")))["outcomes"]
    sent = {row["account"] for row in rows if row["result"] == "accepted"}
    left = {row["account"]: row["reason"] for row in rows if row["result"] != "accepted"}
    errcodes = {row["account"]: row["errcode"] for row in rows if row["result"] != "accepted"}
    assert errcodes == {"a10": 61007, "a20": 61003, "a30": None}
    assert (len(rows), len(sent), len(left)) == (60, 57, 3), left
    assert {row["id"] for row in rows} == {f"sale[a{n}]" for n in range(60)}
    assert "61007" in left.pop("a10")
    assert "61003" in left.pop("a20")
    assert "still gives the same one" in left.pop("a30")
    assert code == ExitCode.WECHAT, "the worst of the three"
    texts = agency.texts()
    assert len(texts) == len(set(texts)) == 57

    code, said = agency.run("doctor")
    shown = re.sub(r"\s+", " ", said)
    assert (code, "a10: permission set 7" in shown, "grant permission set 7 " in shown) == (
        ExitCode.WECHAT, True, True
    )  # fmt: skip

    write_tokens(agency, folder)
    code, said = agency.run("apply", "--auto-approve", "--quiet", "-o", "json")
    assert code == ExitCode.WECHAT, said
    texts = agency.texts()
    assert len(texts) == len(set(texts)) == 58
    assert "第30家" in texts

    authorize(agency, **{one: [2, 7, 11] for one in (MISSING, WITHDRAWN)})
    write_tokens(agency, folder)
    assert agency.apply() == ExitCode.OK
    assert sorted(agency.texts()) == sorted(f"第{n}家" for n in range(60)), "each once"
    assert not [one for one in agency.sandbox.requests() if one["path"].endswith("stable_token")]


def test_address_that_the_platform_has_not_registered(agency: Shop) -> None:
    agency.sandbox.control("POST", "platforms", {**PLATFORM, "ip_allow": ["203.0.113.9"]})
    code, said = agency.run("doctor")
    assert (code, "61004" in said) == (ExitCode.WECHAT, True), said
