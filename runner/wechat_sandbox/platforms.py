"""Third-party platforms (第三方平台): tickets, tokens, and what the accounts that authorised one granted it.

Source: component_verify_ticket, authorize_event, the pages of the calls below, the permission sets of
Official Accounts and their troubleshooting page (2026-11). What is drawn here is a row of `token`: a
platform's tickets, token and codes of links; for each account the authorisation code, the refresh token and
the access token, in spaces that end with the AppID of a platform.
"""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

from wechat_sandbox import accounts, callbacks, store, tokens
from wechat_sandbox.accounts import CALLBACK, OfficialAccount
from wechat_sandbox.answers import INTEGER, NAME, NULL, TEXTS, ErrcodeError, Json, body_of
from wechat_sandbox.calls import ApiCall, number, serve, text

TICKET_EVERY_S, TICKET_LIFE_S = 600, 12 * 3600
PREAUTH_LIFE_S = 600
"""As in the example of the answer; its text says 1800."""
CODE_LIFE_S = 3600
"""Not stated by the pages."""
REFRESH_LIFE_S = 100 * 366 * 86400
"""It lives until the account withdraws its authorisation."""
MAX_PAGE = 500
PERMISSION_SETS: Final = {
    **dict.fromkeys(("/cgi-bin/message/mass/", "/datacube/"), (7,)),
    **dict.fromkeys(("/cgi-bin/media/", "/cgi-bin/material/", "/cgi-bin/draft/"), (11, 100)),
    **dict.fromkeys(("/cgi-bin/tags/", "/cgi-bin/user/tag/"), (2, 100)),
    "/cgi-bin/user/": (2,),
}
"""By the beginning of a path, the permission sets of which one lets a platform call it; the first counts.

Source: what each endpoint's page says of third-party calls (2026-11).
"""
WAITS: Final = {"confirm_info": {"need_confirm": 1, "already_confirm": 0, "can_confirm": 1}}
"""Beside a permission set that waits for the third-party platform's confirmation."""
SETS: Final[Json] = {"type": "array", "items": {**INTEGER, "minimum": 1, "maximum": 999}}
OPTIONS: Final[Mapping[str, tuple[Any, Json]]] = {
    "ip_allow": ([], TEXTS),
    "token_life_s": (tokens.LIFE_S, {**INTEGER, "minimum": 1, "maximum": tokens.LIFE_S}),
    "unconfirmed": ([], SETS),
    "callback": (None, {"anyOf": [{**CALLBACK, "required": ["url", "token", "aes_key"]}, NULL]}),
}
"""The switches of a platform: the default and the JSON Schema of each."""
PLATFORM: Final = body_of(
    {
        **dict.fromkeys(("appid", "secret"), NAME),
        **{key: shape for key, (_default, shape) in OPTIONS.items()},
        "authorized": {"type": "object", "additionalProperties": {"anyOf": [SETS, NULL]}},
    },
    ("appid",),
)
"""The shape of a platform in a seed or control call.

`authorized` has by AppID the permission sets that the account's administrator grants, null to withdraw.
"""


def save(db: sqlite3.Connection, spec: Mapping[str, Any], now: float, *, secret: str) -> None:
    """Write a platform of the shape `PLATFORM`, new or changed, and push what accounts grant it.

    Args:
        secret: the AppSecret of a new platform whose spec has no `secret`.

    Raises:
        ValueError: an address or the AES key is not valid, its AppID is an account's, or another is not.
    """
    if accounts.find(db, spec["appid"]) is not None:
        raise ValueError(f"{spec['appid']} is an account")
    row = store.find(db, "platform", appid=spec["appid"])
    options = {key: default for key, (default, _shape) in OPTIONS.items()} | {"authorized": {}}
    options |= json.loads(row["options"]) if row else {}
    options |= {key: spec[key] for key in OPTIONS if key in spec}
    for address in options["ip_allow"]:
        ip_network(address, strict=False)
    if options["callback"]:
        callbacks.read_key(options["callback"]["aes_key"])
    events = []
    for appid, permissions in spec.get("authorized", {}).items():
        if accounts.find(db, appid) is None:
            raise ValueError(f"there is no account {appid!r}")
        before = options["authorized"].pop(appid, None)
        if permissions is not None:
            options["authorized"][appid] = permissions
        if permissions == before:
            continue  # WeChat pushes nothing either
        if permissions is None:
            events.append(_withdraw(db, spec["appid"], appid))
        else:
            events.append(_authorize(db, spec["appid"], appid, now, is_new=before is None))
    secret = spec.get("secret") or (row["secret"] if row else secret)
    written = {"appid": spec["appid"], "secret": secret, "options": json.dumps(options)}
    store.insert(db, "platform", written, replace=True)
    for event in events:
        callbacks.add(db, spec["appid"], event, now)


def _authorize(db: sqlite3.Connection, platform: str, appid: str, now: float, *, is_new: bool) -> Json:
    """Draw an authorisation code, as the redirect of WeChat's page carries it, and return the event."""
    if is_new:
        tokens.revoke(db, appid, f"behalf {platform}")
        tokens.draw(db, appid, f"refresh {platform}", now, REFRESH_LIFE_S, "refreshtoken@@@")
    return {
        "InfoType": "authorized" if is_new else "updateauthorized",
        "AuthorizerAppid": appid,
        "AuthorizationCode": tokens.draw(db, appid, f"code {platform}", now, CODE_LIFE_S, "queryauthcode@@@"),
        "AuthorizationCodeExpiredTime": int(now) + CODE_LIFE_S,
        "PreAuthCode": _latest(db, platform, "preauth"),
    }


def _withdraw(db: sqlite3.Connection, platform: str, appid: str) -> Json:
    """End the code and refresh token of an account and return the event; its access token answers 61003."""
    for kind in ("refresh", "code"):
        tokens.revoke(db, appid, f"{kind} {platform}")
    return {"InfoType": "unauthorized", "AuthorizerAppid": appid}


def _latest(db: sqlite3.Connection, appid: str, space: str) -> str:
    row = tokens.latest(db, appid, space)
    return str(row["token"]) if row else ""


def advance(db: sqlite3.Connection, now: float) -> None:
    """Push each platform its next ticket once the last is ten minutes old."""
    for (appid,) in db.execute("SELECT appid FROM platform").fetchall():
        latest = tokens.latest(db, appid, "ticket")
        if latest is None or now - latest["issued_at"] >= TICKET_EVERY_S:
            ticket = tokens.draw(db, appid, "ticket", now, TICKET_LIFE_S, "ticket@@@")
            event = {"InfoType": "component_verify_ticket", "ComponentVerifyTicket": ticket}
            callbacks.add(db, appid, event, now)


def list_platforms(db: sqlite3.Connection) -> list[Json]:
    """Describe the platforms without secrets: ticket, switches, the permission sets granted by AppID."""
    described = []
    for row in store.select(db, "platform", order="appid"):
        options = json.loads(row["options"])
        callback = options.pop("callback")
        about = {**options, "callback": {"url": callback["url"]} if callback else None}
        ticket = _latest(db, row["appid"], "ticket")
        described.append({"appid": row["appid"], "component_verify_ticket": ticket, **about})
    return described


def _read(db: sqlite3.Connection, appid: str, client_ip: str) -> Json:
    """Return a platform that calls; 61011 without one, 61004 from an address outside its list."""
    row = store.find(db, "platform", appid=appid)
    if row is None:
        raise ErrcodeError(61011)
    platform = {"appid": appid, "secret": row["secret"], **json.loads(row["options"])}
    if not tokens.is_listed(client_ip, platform["ip_allow"]):
        raise ErrcodeError(61004)
    return platform


def check_call(
    db: sqlite3.Connection, platform_appid: str, account: OfficialAccount, path: str, client_ip: str
) -> None:
    """Refuse what a platform may not call for an account; whether its addresses count is not stated.

    Raises:
        ErrcodeError: 61004, 61003, 61007 without the permission set, 61016 for one not confirmed.
    """
    platform = _read(db, platform_appid, client_ip)
    wanted = next((sets for start, sets in PERMISSION_SETS.items() if path.startswith(start)), ())
    permitted = {*wanted} & {*_granted(platform, account.appid)}
    if wanted and not permitted - {*platform["unconfirmed"]}:
        raise ErrcodeError(61016 if permitted else 61007)


def _granted(platform: Json, appid: str) -> list[int]:
    """Return the permission sets that an account granted; 61003 for one that did not authorise."""
    granted: list[int] | None = platform["authorized"].get(appid)
    if granted is None:
        raise ErrcodeError(61003)
    return granted


def _caller(call: ApiCall) -> Json:
    """Return the third-party platform whose token a call carries, in either parameter that pages name.

    Raises:
        ErrcodeError: 41001, 40001, 42001, 61014 for the token of an account, 61004, or 40013 for a body that
            names another platform.
    """
    query = call.request.query
    row = tokens.read(call.db, query.get("component_access_token") or query.get("access_token", ""), call.now)
    if row["space"] != "component":
        raise ErrcodeError(61014)
    if call.body.get("component_appid") != row["appid"]:
        raise ErrcodeError(40013)
    return _read(call.db, row["appid"], call.request.client_ip)


def _drawn(call: ApiCall, key: str, errcode: int, space: str, appid: str = "") -> sqlite3.Row:
    """Return the ticket, code or refresh token in a body; `errcode` for an unknown one or another AppID's."""
    given = call.body.get(key)
    row = store.find(call.db, "token", token=given, space=space) if isinstance(given, str) else None
    if row is None or row["appid"] != (appid or row["appid"]):
        raise ErrcodeError(errcode)
    return row


def _new_token(call: ApiCall, platform: Json, appid: str, space: str, key: str) -> Json:
    """Make the new token of a space, which ends the one before."""
    life_s = platform["token_life_s"]
    tokens.revoke(call.db, appid, space)
    return {key: tokens.draw(call.db, appid, space, call.now, life_s), "expires_in": life_s}


@serve("/cgi-bin/component/api_component_token", needs_token=False)
def component_token(call: ApiCall) -> Json:
    """Make a new token of a platform; the one before stops working, as with getAccessToken.

    Source: getComponentAccessToken (2026-11), which does not state the latter.
    """
    platform = _read(call.db, text(call.body, "component_appid", 40013), call.request.client_ip)
    secret = text(call.body, "component_appsecret", 41004)
    if not secrets.compare_digest(platform["secret"].encode(), secret.encode()):
        raise ErrcodeError(40125)
    ticket = _drawn(call, "component_verify_ticket", 61006, "ticket", platform["appid"])
    if ticket["expires_at"] <= call.now:
        raise ErrcodeError(61005)
    return _new_token(call, platform, platform["appid"], "component", "component_access_token")


@serve("/cgi-bin/component/api_create_preauthcode", needs_token=False)
def preauth_code(call: ApiCall) -> Json:
    """Make a code for the link to the authorisation page. Source: getPreAuthCode (2026-11)."""
    appid = _caller(call)["appid"]
    code = tokens.draw(call.db, appid, "preauth", call.now, PREAUTH_LIFE_S, "preauthcode@@@")
    return {"pre_auth_code": code, "expires_in": PREAUTH_LIFE_S}


@serve("/cgi-bin/component/api_query_auth", needs_token=False)
def query_auth(call: ApiCall) -> Json:
    """Return tokens and permission sets for an authorisation code.

    Source: getAuthorizerRefreshToken, the list of return codes (2026-11). Whether a code can be used twice is
    not stated: here it can, until its end.
    """
    platform = _caller(call)
    code = _drawn(call, "authorization_code", 61009, f"code {platform['appid']}")
    if code["expires_at"] <= call.now:
        raise ErrcodeError(61010)
    about = _authorization(call, platform, code["appid"])
    return {"authorization_info": {**about, **_authorizer_token(call, platform, code["appid"])}}


def _authorizer_token(call: ApiCall, platform: Json, appid: str) -> Json:
    return _new_token(call, platform, appid, f"behalf {platform['appid']}", "authorizer_access_token")


def _authorization(call: ApiCall, platform: Json, appid: str) -> Json:
    """Describe what an account granted, with its refresh token; 61003 for one that did not authorise."""
    sets = [
        {"funcscope_category": {"id": one}, **(WAITS if one in platform["unconfirmed"] else {})}
        for one in _granted(platform, appid)
    ]
    refresh = _latest(call.db, appid, f"refresh {platform['appid']}")
    return {"authorizer_appid": appid, "authorizer_refresh_token": refresh, "func_info": sets}


@serve("/cgi-bin/component/api_authorizer_token", needs_token=False)
def authorizer_token(call: ApiCall) -> Json:
    """Make a new token for calls in the name of an account; the one before stops working (not stated).

    Source: getAuthorizerAccessToken, the vendor's answers on 61023 (2026-11).
    """
    platform, appid = _caller(call), text(call.body, "authorizer_appid", 40013)
    _granted(platform, appid)
    refresh = _drawn(call, "authorizer_refresh_token", 61023, f"refresh {platform['appid']}", appid)
    return {**_authorizer_token(call, platform, appid), "authorizer_refresh_token": refresh["token"]}


@serve("/cgi-bin/component/api_get_authorizer_info", needs_token=False)
def authorizer_info(call: ApiCall) -> Json:
    """Describe an account that authorised the caller. Source: getAuthorizerInfo (2026-11)."""
    platform, appid = _caller(call), text(call.body, "authorizer_appid", 40013)
    granted, account = _authorization(call, platform, appid), accounts.find(call.db, appid) or accounts.NOBODY
    about = {
        **dict.fromkeys(("nick_name", "principal_name"), account.name),
        **dict.fromkeys(("head_img", "alias", "qrcode_url", "signature"), ""),
        "service_type_info": {"id": 0 if account.kind == "subscription" else 2},
        "verify_type_info": {"id": -1 if account.kind == "unverified" else 0},
        "user_name": callbacks.original_id(appid),
        "business_info": dict.fromkeys(("open_pay", "open_shake", "open_scan", "open_card", "open_store"), 0),
        "account_status": 1,
    }
    return {"authorizer_info": about, "authorization_info": granted}


@serve("/cgi-bin/component/api_get_authorizer_list", needs_token=False)
def authorizer_list(call: ApiCall) -> Json:
    """List the accounts that authorised the caller, 500 a page. Source: getAuthorizerList (2026-11)."""
    platform, offset = _caller(call), number(call.body, "offset", default=0)
    count, page = number(call.body, "count", default=MAX_PAGE), list[Json]()
    if offset < 0 or not 1 <= count <= MAX_PAGE:
        raise ErrcodeError(40097)
    for appid in list(platform["authorized"])[offset : offset + count]:
        refresh = tokens.latest(call.db, appid, f"refresh {platform['appid']}")
        if refresh is not None:
            about = {"refresh_token": refresh["token"], "auth_time": int(refresh["issued_at"])}
            page.append({"authorizer_appid": appid, **about})
    return {"total_count": len(platform["authorized"]), "list": page}
