"""Events out as JSON lines, JSON lines back to events: how a ledger moves from one backend to another.

The first line notes the heads, so that a file that was cut short is not taken for a whole one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from wechat_campaigns.core.digest import canonical
from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.events import find_chain_faults, read_event
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.events import Event

FORMAT = 1


def to_lines(events: Iterable[Event], heads: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """Write a ledger as lines of canonical JSON without line ends.

    Args:
        heads: what the store noted as count and last hash of each stream.
    """
    yield canonical({"ledger_export": FORMAT, "heads": dict(heads)}).decode()
    for event in events:
        yield canonical(event.as_dict()).decode()


def from_lines(lines: Sequence[str], *, where: str) -> tuple[Event, ...]:
    """Read a ledger back and check every chain.

    Args:
        lines: as `to_lines` wrote them; empty ones pass by.

    Raises:
        TamperedLedgerError: it is not an export, is not whole, or was changed.
    """
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    heads = _heads(filled[0][1] if filled else "", where)
    events = tuple(read_event(line, where=f"{where}:{number}") for number, line in filled[1:])
    if faults := find_chain_faults(events, heads):
        raise TamperedLedgerError(
            _("the hash chain of the export is broken: {fault}").format(fault=faults[0]),
            hint=_("export again from a ledger in which `campaign ledger verify` finds no fault"),
            location=where,
        )
    return events


def appids_not_on_hold(events: Iterable[Event]) -> list[str]:
    """List the AppIDs that have sends and no hold without an end: they may go on sending."""
    state = fold(events)
    ever = datetime.max.replace(tzinfo=UTC)
    return sorted({send.appid for send in state.sends} - state.hold_reasons(ever).keys())


def _heads(line: str, where: str) -> dict[str, tuple[int, str]]:
    try:
        data = json.loads(line)
        if data["ledger_export"] != FORMAT:
            raise ValueError(data["ledger_export"])
        return {str(stream): (int(seq), str(last)) for stream, (seq, last) in data["heads"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise TamperedLedgerError(
            _("this file is not a ledger export that this version can read"),
            hint=_("use a file written by `campaign ledger export` of this version"),
            location=f"{where}:1",
        ) from error
