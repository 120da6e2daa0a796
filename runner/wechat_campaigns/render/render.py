"""A campaign and its variables in, the sends it stands for out, or every problem that prevents them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location, json_path
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.core.names import openid_fault, suggestion_suffix
from wechat_campaigns.core.redact import OPENID
from wechat_campaigns.core.settings import SANDBOX, Account, Settings
from wechat_campaigns.core.spoken_time import in_zone
from wechat_campaigns.messages.limits import check_audience, check_name
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.render.content import LinkTagger, render_content
from wechat_campaigns.render.openids import (
    TABLES,
    ListedOpenids,
    batches,
    check_openids,
    read_openids,
    read_table,
)
from wechat_campaigns.render.scope import Scope, Templates
from wechat_campaigns.source.files import MAX_MEDIA_BYTES, Files
from wechat_campaigns.source.settings import links_without_host
from wechat_campaigns.source.validate import Campaign, check_window

_Window = tuple[datetime | None, datetime | None]
"""When it opens and closes; aware."""


@dataclass(frozen=True, kw_only=True)
class CompiledCampaign:
    """The result of one campaign file: problems of the file, or sends with the problems of rendering.

    Warnings about a send that could be made are among its own `diagnostics`, until the file is compiled.
    """

    id: str
    sends: tuple[Send, ...] = ()
    file_problems: tuple[Diagnostic, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    is_elsewhere: bool = False
    """True when its `environments` leave this one out."""


def render(
    campaign: Campaign,
    *,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None = None,
    templates: Templates | None = None,
) -> CompiledCampaign:
    """Render a campaign: a send, or one for each entry or account of `for_each`, and each batch of openids.

    Args:
        variables: from `--var`; they win over all others.
        templates: pass the same one for many campaigns, so that includes are read once.

    Returns:
        Sends in the order of `for_each` and of the openid list. Never raises for what a user wrote.
    """
    base = Scope(
        campaign=campaign,
        variables={**settings.vars, **settings.environment.vars, **campaign.vars, **(variables or {})},
        templates=templates or Templates(files),
        files=files,
        options=settings.articles,
    )
    senders = _senders(base, settings)
    window = _window(base, settings.policy.timezone)
    drafts = [
        _draft(base, account, key, window, variables or {}, settings)
        for account in senders
        for key in ((account,) if campaign.accounts is not None else campaign.for_each or (None,))
    ]
    if campaign.accounts is not None:
        _check_openids_apart(base, drafts)
    is_whole = not _has_errors(base.problems)  # account and window are known
    failed = [draft for draft in drafts if _has_errors(draft.diagnostics) or not is_whole]
    made = [draft for draft in drafts if is_whole and not _has_errors(draft.diagnostics)]
    return CompiledCampaign(
        id=campaign.id,
        sends=tuple(send for draft in made for send in _numbered(draft)),
        problems=(*base.problems, *(_gathered(failed, len(drafts)) if failed else ())),
    )


def _has_errors(problems: Iterable[Diagnostic]) -> bool:
    return any(problem.level == "error" for problem in problems)


def _window(scope: Scope, timezone: str) -> _Window:
    """Read the send window by the settings' time zone where it has no offset."""
    zone, campaign = ZoneInfo(timezone), scope.campaign
    moments: list[datetime | None] = []
    for key, written in (("not_before", campaign.not_before), ("not_after", campaign.not_after)):
        moment = in_zone(written, zone) if written is not None else None
        if moment is None and written is not None:
            what = _("`{key}` is a time that the clocks of {timezone} never show, or show twice")
            hint = _("write it with an offset, for example 2026-12-01T19:00:00+08:00")
            what = what.format(key=key, timezone=timezone)
            scope.report(Finding("impossible-date", what, hint, (key,)))
        moments.append(moment)
    opens, closes = moments
    for finding in check_window(opens, closes):
        scope.report(finding)
    return opens, closes


def _draft(
    base: Scope,
    account: str,
    key: str | None,
    window: _Window,
    overrides: Mapping[str, str],
    settings: Settings,
) -> Send:
    """Render one entry, its openids not cut into batches yet, with everything found on the way."""
    campaign = base.campaign
    entry: Mapping[str, Any] = (campaign.for_each or {}).get(key or "", {})
    sender = settings.environment.accounts.get(account)
    scope = replace(base, problems=[], variables={**_account_variable(sender), **base.variables})
    if entry:
        entry_vars = scope.data(("for_each", key or "", "vars"), entry.get("vars", {}))
        scope.variables = {**scope.variables, **entry_vars, **overrides}
    path: KeyPath = ("for_each", str(key), "filter") if "filter" in entry else ("filter",)
    recipients = entry.get("filter", campaign.filter) or {}
    named: KeyPath = (*path, next(iter(recipients))) if recipients else path
    at = campaign.source.location(named)
    followers = _filter(scope, path, recipients)
    content = render_content(scope)
    content = _link_tagger(scope, account, key, entry, settings).content(content)
    place: KeyPath = () if key is None else ("for_each", key)
    if campaign.accounts is not None:
        place = ("for_each", "accounts")
    location = campaign.source.location(place, key=key is not None)
    _check_limits(scope, content)
    if account:  # else it is a problem already
        for finding in check_audience(followers, campaign.msgtype, settings.environment.accounts[account]):
            scope.report(finding, None if finding.path else location)
    return Send(
        id=str(SendId(campaign.id, key)),
        campaign=campaign.id,
        account=account,
        account_name=(sender and sender.display_name) or "",
        for_account=campaign.accounts is not None,
        revision=entry.get("revision", campaign.revision),
        ready=campaign.ready,
        filter=followers,
        content=content,
        send_ignore_reprint=campaign.send_ignore_reprint,
        by_hand=bool(campaign.send),
        not_before=window[0],
        not_after=window[1],
        description=campaign.description or "",
        owner=campaign.owner or "",
        formerly=_formerly(campaign, entry.get("formerly", ()), key),
        location=location,
        filter_path=json_path(named),
        filter_position=(at.line, at.column),
        diagnostics=tuple(scope.problems),
    )


def _check_limits(scope: Scope, content: Content) -> None:
    """Report what breaks WeChat's limits, also beside other problems, but not of a value that has one."""
    faulty = [problem.path for problem in scope.problems if problem.level == "error"]
    for finding in content.findings():
        path = json_path(finding.path)
        if not any(path.startswith(other) or other.startswith(path) for other in faulty):
            scope.report(finding)


def _link_tagger(
    scope: Scope, account: str, key: str | None, entry: Mapping[str, Any], settings: Settings
) -> LinkTagger:
    """Join the parameters of the settings, the campaign and the entry; the nearest wins."""
    parameters = {name: str(value) for name, value in settings.links.items()}
    allowed = settings.policy_of(settings.environment.accounts.get(account)).linked_places
    paths: list[tuple[KeyPath, Mapping[str, Any]]] = [(("links",), scope.campaign.links)]
    if key is not None:
        paths.append((("for_each", key, "links"), entry.get("links", {})))
    for path, written in paths:
        for name, value in written.items():
            text = scope.text((*path, name), value)
            parameters[name] = text if scope.sendable((*path, name), text) else ""
        if written and not allowed:
            scope.report(links_without_host(path))
    return LinkTagger(parameters, allowed)


def _formerly(campaign: Campaign, names: Sequence[str], key: str | None) -> tuple[str, ...]:
    """Return what a send was once: an id without an entry stands for the same entry of that campaign.

    An entry that had another key before had it under each former id of its campaign, too.
    """
    once, mine = ([SendId.parse(name) for name in written] for written in (campaign.formerly, names))
    ids = [one if one.entry is not None else replace(one, entry=key) for one in (*once, *mine)]
    campaigns = {normalize_id(one.campaign) for one in (SendId(campaign.id), *once)}
    keys = [one.entry for one in mine if one.entry and normalize_id(one.campaign) in campaigns]
    ids += [replace(one, entry=before) for one in once if one.entry is None for before in keys]
    return tuple(dict.fromkeys(map(str, ids)))


def _senders(scope: Scope, settings: Settings) -> list[str]:
    """Return the accounts that send; after a problem those that are known, or ""."""
    environment, written = settings.environment, scope.campaign.accounts
    if written is None:
        name = scope.campaign.account or environment.default_account
        return [_account(scope, name, ("account",), settings)]
    if isinstance(written, Mapping):
        return _labelled(scope, written["label"], settings) or [""]
    names = [
        _account(scope, name, ("for_each", "accounts", number), settings)
        for number, name in enumerate(written)
    ]
    return _check_apart(scope, list(filter(None, names)), settings) or [""]


def _account(scope: Scope, name: str | None, path: KeyPath, settings: Settings) -> str:
    """Return the name of an account that there is; "" after a problem."""
    environment = settings.environment
    if name is not None and name in environment.accounts:
        return name
    if name is None:
        what = _("the environment `{environment}` has several accounts but no default account")
        hint = _("write `account:` with one of {names}, or set `default_account`")
    else:
        what = _("the environment `{environment}` has no account `{name}`{hint}")
        hint = _("use one of: {names}")
    suggestion = suggestion_suffix(name or "", environment.accounts)
    what = what.format(name=name, environment=environment.name, hint=suggestion)
    hint = hint.format(names=_listed(environment.accounts))
    scope.report(Finding("account", what, hint, path))
    return ""


def _labelled(scope: Scope, label: str, settings: Settings) -> list[str]:
    """Return the accounts that have a label."""
    accounts = settings.environment.accounts
    names = [name for name, one in accounts.items() if label in one.labels]
    if names:
        return _check_apart(scope, names, settings)
    known = dict.fromkeys(each for one in accounts.values() for each in one.labels)
    what = _("no account of the environment `{environment}` has the label `{name}`{hint}").format(
        environment=settings.environment.name, name=label, hint=suggestion_suffix(label, known)
    )
    hint = _("add it to `labels` of an account in the settings")
    if known:
        hint = _("use one of: {names}").format(names=_listed(known))
    scope.report(Finding("account-label", what, hint, ("for_each", "accounts", "label")))
    return []


def _check_apart(scope: Scope, names: Sequence[str], settings: Settings) -> list[str]:
    """Refuse two names of one account, whose followers would receive the message twice.

    The sandbox's own accounts stand for several real ones each.
    """
    environment, first = settings.environment, dict[str, str]()
    apart = list(dict.fromkeys(names))
    for name in apart:
        appid = environment.accounts[name].appid if environment.api != SANDBOX else name
        for known in (appid, normalize_id(name)):
            other = first.setdefault(known, name)
            if other != name:
                what = _("`{name}` and `{other}` are the same account")
                hint = _("keep one of them: its followers would receive the message twice")
                if environment.api == SANDBOX or appid != environment.accounts[other].appid:
                    what = _("the names `{name}` and `{other}` differ only in upper and lower case")
                    hint = _("rename one of them: ids must differ in more than letter case")
                what = what.format(name=name, other=other)
                scope.report(Finding("account-twice", what, hint, ("for_each", "accounts")))
                return apart
    return apart


def _account_variable(account: Account | None) -> dict[str, Any]:
    """Return the variable `account`, of what templates may know of the account that sends."""
    if account is None:
        return {}
    return {"account": {"id": account.name, "name": account.shown_name, "labels": list(account.labels)}}


def _check_openids_apart(scope: Scope, drafts: Sequence[Send]) -> None:
    """Refuse an openid in the lists of two accounts: a follower has another one for each account."""
    first: dict[str, str] = {}
    for draft in drafts:
        other = next((first[one] for one in draft.filter.openids if one in first), None)
        if other is not None:
            what = _("`{send}` and `{other}` have the same openids, but an openid belongs to one account")
            hint = _('write a list for each account, such as `file: "vip/{{ account.id }}.txt"`')
            what = what.format(send=draft.id, other=other)
            scope.report(Finding("openids-of-accounts", what, hint, ("filter", "openids")))
            return
        first |= dict.fromkeys(draft.filter.openids, draft.id)


def _listed(names: Iterable[str]) -> str:
    return _(", ").join(f"`{name}`" for name in sorted(names)) or _(
        "the environment's accounts, after adding one"
    )


# --- who receives ------------------------------------------------------------------------------


def _filter(scope: Scope, path: KeyPath, raw: Mapping[str, Any]) -> Filter:
    if "openids" in raw:
        return _openids(scope, (*path, "openids"), raw["openids"])
    if "tag" in raw:
        return Filter(tag=_tag(scope, (*path, "tag"), raw["tag"]))
    if "tag_id" in raw:
        return Filter(tag_id=_tag_id(scope, (*path, "tag_id"), raw["tag_id"]))
    return Filter(is_to_all=bool(raw.get("is_to_all")))


def _tag(scope: Scope, path: KeyPath, written: object) -> str:
    before = len(scope.problems)
    tag = scope.text(path, written)
    for finding in check_name(path, tag, is_chosen=True) if tag or len(scope.problems) == before else ():
        scope.report(finding)
    if OPENID.search(tag):
        scope.report(Finding("openid-in-name", *openid_fault(), path))
    return tag


def _tag_id(scope: Scope, path: KeyPath, written: object) -> int | None:
    if isinstance(written, int):
        return written
    before = len(scope.problems)
    text = scope.text(path, written)
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    if len(scope.problems) == before:
        what = _("`tag_id` becomes `{text}`, which is not a tag id").format(text=text[:40])
        hint = _("make it a whole number, such as 2; for a tag name, use `tag`")
        scope.report(Finding("tag-id", what, hint, path))
    return None


def _openids(scope: Scope, path: KeyPath, raw: Any) -> Filter:
    before, options = len(scope.problems), raw if isinstance(raw, Mapping) else {}
    listed, called, file = _openid_file(scope, path, raw) if options else _openid_list(scope, path, raw)
    if all(problem.level == "warning" for problem in scope.problems[before:]):
        for fault in check_openids(listed, called):
            indexes = [index for index in fault.path if isinstance(index, int)] if file else []
            places = [Location(file=file, line=listed.numbers[index]) for index in indexes]
            scope.report(replace(fault, path=(*path, *fault.path)), *places)
    return Filter(
        openids=tuple(listed.openids),
        rows=listed.numbers,
        skip_unsubscribed=bool(options.get("skip_unsubscribed")),
    )


_Listed = tuple[ListedOpenids, str, str]
"""Openids, each with its number; what a message calls that; the text file whose lines they are, if any."""


def _openid_list(scope: Scope, path: KeyPath, raw: Sequence[object]) -> _Listed:
    listed = ListedOpenids()
    for index, openid in enumerate(raw):
        listed.add(index + 1, scope.text((*path, index), openid))
    return listed, _("entry {number}"), ""


def _openid_file(scope: Scope, path: KeyPath, raw: Mapping[str, Any]) -> _Listed:
    column, sheet, path = raw.get("column"), raw.get("sheet"), (*path, "file")
    written = scope.text(path, raw["file"])
    is_table = bool(column or sheet) or written.lower().endswith(TABLES)

    def read() -> ListedOpenids:
        if is_table:
            file = scope.files.locate(scope.campaign.file, written)
            return read_table(scope.files.data(file), column, sheet)
        # A list may be longer than any message.
        return read_openids(scope.files.text(scope.campaign.file, written, MAX_MEDIA_BYTES))

    found = scope.read(path, read) if written else None
    if found is None:
        return ListedOpenids(), "", ""
    if found.blank or found.repeated:
        counts = (
            (_("rows without one: {count:,}"), found.blank),
            (_("repeated rows: {count:,}"), found.repeated),
        )
        left_out = _(", ").join(words.format(count=count) for words, count in counts if count)
        what = _("{file}: {kept:,} openids; left out: {rows}")
        what = what.format(file=written, kept=len(found.openids), rows=left_out)
        hint = _("compare the number with the list")
        scope.report(Finding("openid-rows", what, hint, path, "warning"))
    if is_table:
        return found, _("row {number}"), ""
    return found, _("line {number}"), scope.display_path(scope.files.locate(scope.campaign.file, written))


# --- from drafts to sends ----------------------------------------------------------------------


def _numbered(send: Send) -> list[Send]:
    """Cut a list of openids into numbered batches."""
    if not send.filter.openids:
        return [send]
    found: list[Send] = []
    start = 0
    for batch, openids in batches(send.filter.openids):
        rows = send.filter.rows[start : start + len(openids)]
        start += len(openids)
        found.append(
            replace(
                send,
                id=str(replace(SendId.parse(send.id), batch=batch.index)),
                filter=replace(send.filter, openids=openids, rows=rows),
                batch=batch,
                formerly=tuple(str(replace(SendId.parse(name), batch=batch.index)) for name in send.formerly),
            )
        )
    return found


def _gathered(failed: Sequence[Send], entries: int) -> list[Diagnostic]:
    """Return a problem that all entries have once; name the entry with the others."""
    counts = Counter(problem for draft in failed for problem in set(draft.diagnostics))
    gathered: dict[Diagnostic, None] = {}
    for draft in failed:
        for problem in draft.diagnostics:
            if counts[problem] != entries:
                what = _(": ").join((draft.id, problem.message))
                problem = replace(problem, message=what)
            gathered[problem] = None
    return list(gathered)
