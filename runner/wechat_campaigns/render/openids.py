"""Lists of openids: read from text, checked without ever repeating one, cut into batches."""

import re
from collections.abc import Sequence
from itertools import pairwise

from wechat_campaigns.core.diagnostics import Finding, Level
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Batch

MIN_BATCH = 2
"""Fewer are refused (40130). Source: 根据OpenID列表群发 (mass/send), read 2026-11."""
MAX_BATCH = 10_000
"""More are refused (40032). Source: 根据OpenID列表群发 (mass/send), read 2026-11."""
USUAL_CHARS = 28
TABLES = (".csv", ".tsv", ".xlsx")
"""How the files end that are tables even without `column`."""

_OPENID = re.compile(r"[A-Za-z0-9_-]{1,64}")
HEADERS = frozenset(("openid", "openids", "open_id"))
"""What a column of openids is called; it would pass for one."""
_SHOWN_POSITIONS = 5


def read_openids(text: str) -> list[tuple[int, str]]:
    """Read openids, one a line, with their line numbers; blank lines and `#` comments are skipped."""
    lines = ((number, line.split("#", 1)[0].strip()) for number, line in enumerate(text.split("\n"), 1))
    return [(number, openid) for number, openid in lines if openid]


def check_openids(openids: Sequence[str], positions: Sequence[str]) -> list[Finding]:
    """Find what is wrong with a list.

    Args:
        positions: for each, what a message calls it ("line 3"); openids themselves are never repeated.

    Returns:
        At most one fault for each rule; its path is the index of the first entry concerned, or empty.
    """
    malformed = [index for index, openid in enumerate(openids) if not _is_openid(openid)]
    odd = [index for index, openid in enumerate(openids) if len(openid) != USUAL_CHARS]
    checks = (
        (
            malformed,
            "openid-malformed",
            _("{positions}: not an openid"),
            _(
                "write one openid per entry, with only letters, digits, `-` and `_`; from a spreadsheet, "
                "name the column: `openids: {file: list.xlsx, column: openid}`"
            ),
        ),
        (
            _repeated(openids),
            "openid-duplicate",
            _("{positions}: the openid is a duplicate"),
            _("remove the duplicate: a follower receives the message once"),
        ),
        (
            [] if malformed else odd,
            "openid-length",
            _("{positions}: the openid does not have the usual {usual} characters"),
            _("compare it with the follower list"),
        ),
    )
    found = [_fault(indexes, positions, *words) for indexes, *words in checks if indexes]
    return found if len(openids) >= MIN_BATCH else [*found, _too_few(len(openids))]


def batches(openids: Sequence[str]) -> list[tuple[Batch, tuple[str, ...]]]:
    """Cut a list of two or more into numbered parts of 2–10,000, all of about the same length."""
    import hashlib  # loads OpenSSL, which most campaigns do without

    whole = tuple(openids)
    digest = hashlib.sha256("\n".join(openids).encode()).hexdigest()
    count = -(-len(openids) // MAX_BATCH)
    edges = [len(openids) * index // count for index in range(count + 1)] if count else []
    return [
        (
            Batch(index=index, count=count, list_sha256=digest, openids=whole),
            whole[start:end],
        )
        for index, (start, end) in enumerate(pairwise(edges), 1)
    ]


def _is_openid(text: str) -> bool:
    return bool(_OPENID.fullmatch(text)) and text.lower() not in HEADERS


def _repeated(openids: Sequence[str]) -> list[int]:
    seen: set[str] = set()
    repeated = []
    for index, openid in enumerate(openids):
        if openid in seen:
            repeated.append(index)
        seen.add(openid)
    return repeated


def _fault(indexes: list[int], positions: Sequence[str], rule: str, what: str, hint: str) -> Finding:
    shown = _(", ").join(positions[index] for index in indexes[:_SHOWN_POSITIONS])
    more = len(indexes) - _SHOWN_POSITIONS
    if more > 0:
        shown = _("{positions} and {count} more").format(positions=shown, count=more)
    level: Level = "warning" if rule == "openid-length" else "error"
    return Finding(rule, what.format(positions=shown, usual=USUAL_CHARS), hint, (indexes[0],), level)


def _too_few(count: int) -> Finding:
    what = _("the number of openids is {count}; the minimum is {least}").format(count=count, least=MIN_BATCH)
    return Finding("openid-count", what, _("add openids; to send to one person, use `campaign preview`"))
