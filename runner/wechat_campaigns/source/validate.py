"""Check a document: the campaign that it describes, or all of its problems at once."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, MINYEAR, datetime
from pathlib import PurePosixPath
from typing import Any, Final

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import full_id, id_fault, namespace_of, openid_fault
from wechat_campaigns.core.redact import OPENID
from wechat_campaigns.core.spoken_time import written_moment
from wechat_campaigns.messages import MSGTYPES
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.source.schema import SchemaName, accepts
from wechat_campaigns.source.strict_yaml import Document
from wechat_campaigns.source.text import HIDDEN, MAX_PROBLEMS, quote_key

MAY_HOLD_OPENIDS: Final = ("openids", "openid", "content")
"""Keys below which openids stand, or are looked for once the text is rendered."""
MAX_TWICE_CHARS: Final = 100_000
"""Of a file with problems that is read once more for others: a long one has no time for that."""
_LEVELS: Final = 10
"""Of maps and lists in a campaign: what is left of one without a value can lack a key itself."""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One campaign file, valid by the schema, nothing rendered yet.

    `filter`, `content`, `for_each`, `links` and `vars` are plain data (dict, list, str, int, float, bool)
    exactly as written; strings in them may be templates.
    """

    id: str
    file: PurePosixPath
    """Relative to the campaigns folder."""
    filter: Mapping[str, Any] | None = None
    msgtype: str
    content: Any
    account: str | None = None
    send_ignore_reprint: bool = False
    send: str = ""
    """`by_hand`: a person sends it in the WeChat console."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    revision: int = 1
    ready: bool = True
    """False while it is being written: shown, never sent."""
    formerly: tuple[str, ...] = ()
    """Ids that it, or one of its sends, has had."""
    environments: tuple[str, ...] = ()
    """The only ones that may send it; empty for every one."""
    for_each: Mapping[str, Mapping[str, Any]] | None = None
    accounts: Sequence[str] | Mapping[str, str] | None = None
    """Of `for_each: {accounts: …}`, which then has no entries: names, or `{label: …}`."""
    vars: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Any] = field(default_factory=dict)
    """Query parameters for its links; they win over those of the settings."""
    description: str | None = None
    owner: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    source: Document


def check_campaign(document: Document) -> Campaign | tuple[Diagnostic, ...]:
    """Check one campaign file: the campaign, or every problem with its place, in the order of the file."""
    problems = in_file_order(document, find(document.data, "campaign", _cross_findings))
    return problems or _campaign(document)


def sound_part(document: Document) -> Campaign | None:
    """Return a campaign without its values that have problems, to check the others; None without a content.

    A number where words are wanted stays, as words. What comes after an entry of a list that goes, goes with
    it: each value left has the place it had.
    """
    if len(document.text) > MAX_TWICE_CHARS:
        return None
    data = deepcopy(document.data)
    for _level in range(_LEVELS):
        if not isinstance(data, dict) or "content" not in data:
            return None
        paths = {finding.path for finding in find(data, "campaign", _cross_findings)}
        if not paths:
            return _campaign(replace(document, data=data))
        if () in paths and "filter" in data:
            return None
        data.setdefault("filter", {"is_to_all": True})
        for path in paths - {()}:
            _cut(data, path)
    return None


def _cut(data: Any, path: KeyPath) -> None:
    last: Any = path[-1]
    try:
        for step in path[:-1]:
            data = data[step]
    except LookupError:
        return  # it went with another
    if isinstance(data, list):
        del data[last:]
    elif isinstance(data.get(last), int | float):
        data[last] = str(data[last])
    else:
        data.pop(last, None)


def find(data: Any, name: SchemaName, more: Callable[[dict[str, Any]], Iterable[Finding]]) -> list[Finding]:
    """Return every problem of data by one of the schemas, by the paths in it.

    Args:
        more: checks that the schema cannot express; what the schema told is not told twice.
    """
    findings = []
    if not accepts(name, data):
        from wechat_campaigns.source.schema_findings import explain  # a valid file does not wait for it

        findings = explain(data, name)
    findings += _misplaced_openids(data)
    if isinstance(data, dict):
        paths = {finding.path for finding in findings}
        findings.extend(finding for finding in more(data) if finding.path not in paths)
    return findings


def _misplaced_openids(data: object) -> Iterator[Finding]:
    """Find openids in keys and values: reports repeat each of them but recipients and `content`."""
    waiting: list[tuple[KeyPath, Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            for key, below in value.items():
                if isinstance(key, str) and OPENID.search(key):
                    yield Finding("openid-in-name", *openid_fault(), (*path, key), is_key=True)
                elif key not in MAY_HOLD_OPENIDS:
                    waiting.append(((*path, key), below))
        elif isinstance(value, list):
            waiting += [((*path, index), below) for index, below in enumerate(value)]
        elif isinstance(value, str) and OPENID.search(value):
            yield Finding("openid-in-name", *openid_fault(), path)


def in_file_order(document: Document, findings: Sequence[Finding]) -> tuple[Diagnostic, ...]:
    """Return the problems of a document with their places, those of its text among them."""
    if not (findings or document.faults):
        return ()
    # Quotes do not help a bare `19:30` for a date: there the schema's hint is of use.
    hints = {("yaml-number", finding.path): finding.hint for finding in reversed(findings)}
    faults = [replace(one, hint=hints.get((one.rule, one.path), one.hint)) for one in document.faults]
    # What YAML misread must not be told a second time as a value of the wrong kind.
    misread = {fault.path for fault in faults if fault.rule not in ("yaml-duplicate-key", "yaml-merge-key")}
    misread |= {fault.path[:-1] for fault in faults if fault.rule == "yaml-merge-key"}
    others = [finding for finding in findings if finding.path not in misread]
    problems = [
        _shown(finding).at(document.location(finding.path, key=finding.is_key))
        for finding in (*faults, *others[: MAX_PROBLEMS + 1])
    ]
    ordered = sorted(problems, key=lambda p: (p.location.line or 0, p.location.column or 0))
    if len(ordered) > MAX_PROBLEMS:
        ordered = [*ordered[:MAX_PROBLEMS], _more(document)]
    return tuple(ordered)


def _shown(finding: Finding) -> Finding:
    """Hide a key that may be a value in a path, too."""
    if not finding.is_key:
        return finding
    *path, key = finding.path
    is_hidden = quote_key(str(key), path) == HIDDEN
    return replace(finding, path=(*path, HIDDEN)) if is_hidden else finding


def _more(document: Document) -> Diagnostic:
    what = _("this file has more than {most} problems").format(most=MAX_PROBLEMS)
    finding = Finding("too-many-problems", what, _("correct the listed ones, then check again"))
    return finding.at(Location(file=document.display_path))


def _campaign(document: Document) -> Campaign:
    namespace = namespace_of(document.id)
    data = {**_with_full_former_ids(namespace, document.data)}
    for key in ("not_before", "not_after"):
        if key in data:
            data[key] = _moment(data[key])
    data["environments"] = tuple(data.get("environments", ()))
    if "accounts" in data.get("for_each", ()):
        data["accounts"] = data.pop("for_each")["accounts"]
    if "for_each" in data:
        entries = data["for_each"].items()
        data["for_each"] = {key: _with_full_former_ids(namespace, entry) for key, entry in entries}
    return Campaign(id=document.id, file=document.file, source=document, **data)


def _with_full_former_ids(namespace: str, written: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a campaign or an entry whose `formerly` has the namespace of the folder."""
    if "formerly" not in written:
        return written
    return {**written, "formerly": tuple(full_id(namespace, name) for name in written["formerly"])}


def _cross_findings(data: dict[str, Any]) -> Iterator[Finding]:
    for check in (_moments, _reprint, _by_hand, _account_twice, _twins, _former_ids):
        yield from check(data)


def _moments(data: dict[str, Any]) -> Iterator[Finding]:
    for key in ("not_before", "not_after"):
        moment = _moment(data.get(key))
        if not isinstance(data.get(key), str) or (moment and MINYEAR < moment.year < MAXYEAR):
            continue
        what = _("`{key}` is {moment}, which is not a valid date or time")
        hint = _("correct the day, the hour (0-23) or the offset")
        if moment is not None:  # in another time zone there may be no such year
            what = _("`{key}` is {moment}, which is too far away")
            hint = _("write a closer date, or remove the key")
        what = what.format(key=key, moment=data[key])
        yield Finding("impossible-date", what, hint, (key,))
    yield from check_window(_moment(data.get("not_before")), _moment(data.get("not_after")))


def check_window(opens: datetime | None, closes: datetime | None) -> Iterator[Finding]:
    """Refuse a send window that ends before it starts."""
    if opens is None or closes is None or (opens.tzinfo is None) != (closes.tzinfo is None) or opens < closes:
        return  # of which only one has an offset, rendering knows the time zone
    what = _("the send window ends before it starts: `not_after` is not later than `not_before`")
    hint = _("make `not_after` later than `not_before`")
    yield Finding("window-empty", what, hint, ("not_after",))


def _reprint(data: dict[str, Any]) -> Iterator[Finding]:
    kind = data.get("msgtype")
    if "send_ignore_reprint" not in data or kind == "mpnews" or kind not in MSGTYPES:
        return
    what = _("`send_ignore_reprint` applies only to articles, but msgtype is `{kind}`").format(kind=kind)
    hint = _("remove it")
    yield Finding("mpnews-only", what, hint, ("send_ignore_reprint",), is_key=True)


def _by_hand(data: dict[str, Any]) -> Iterator[Finding]:
    filters = [one.get("filter") for _path, one in _sends(data)]
    is_listed = any("openids" in one for one in filters if isinstance(one, dict))
    if "send" in data and (is_listed or data.get("msgtype") != "mpnews"):
        what = _("`send: by_hand` is for articles to everyone or to a tag, which the WeChat console can send")
        hint = _("remove it, or use msgtype `mpnews` and a `filter` without `openids`")
        yield Finding("by-hand", what, hint, ("send",), is_key=True)


def _account_twice(data: dict[str, Any]) -> Iterator[Finding]:
    if "account" in data and "accounts" in _entries(data):
        what = _("`account` is set, but `for_each` has the accounts that send")
        hint = _("remove `account`; name the account under `accounts` of `for_each` if it sends too")
        yield Finding("account-and-accounts", what, hint, ("account",), is_key=True)


def _twins(data: dict[str, Any]) -> Iterator[Finding]:
    """Refuse entries whose sends would have one id: the later would count as sent with the earlier."""
    first: dict[str, str] = {}
    for key in _entries(data):
        taken = first.setdefault(normalize_id(str(key)), str(key))
        if taken != key:
            what = _("the keys `{key}` and `{other}` count as the same key").format(key=key, other=taken)
            hint = _("rename one of them: ids must differ in more than letter case")
            path = ("for_each", key)
            yield Finding("for-each-key-taken", what, hint, path, is_key=True)


def _former_ids(data: dict[str, Any]) -> Iterator[Finding]:
    for path, holder in _sends(data):
        names = holder.get("formerly")
        for number, name in enumerate(names if isinstance(names, list) else ()):
            # `shop:sale[beijing]`: a namespace, an id, an entry of `for_each`.
            parts = filter(None, re.split(r"[\[\]]|^\w*:", name)) if isinstance(name, str) else ()
            if fault := next(filter(None, map(id_fault, parts)), None):
                yield Finding("campaign-id", *fault, (*path, "formerly", number))


def _sends(data: dict[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Yield the campaign and its entries of `for_each`, each with its path."""
    yield (), data
    for key, entry in _entries(data).items():
        if isinstance(entry, dict):
            yield ("for_each", key), entry


def _entries(data: dict[str, Any]) -> dict[str, Any]:
    entries = data.get("for_each")
    return entries if isinstance(entries, dict) else {}


def _moment(text: object) -> datetime | None:
    return written_moment(text) if isinstance(text, str) else None
