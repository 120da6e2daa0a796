"""Write where sends stand as metrics of Prometheus: a file for node_exporter's textfile collector.

Every account has every metric and every status, so that an alert ends when its cause does. Source:
Prometheus, Exposition formats, text-based format, read 2026-11.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.ledger.records import has_no_job_id
from wechat_campaigns.plan.decision import DecisionContext, decide
from wechat_campaigns.plan.plan import DUE
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.report.send_status import StatusView

PREFIX = "wechat_campaigns_"
HELP = {
    "sends": "Sends by status; expired ended unsent, waiting lacks an approval, unknown may have been made.",
    "due": "Sends that are due and not made.",
    "overdue_seconds": "Since the window of the first send opened that is due and not made.",
    "unfinished_seconds": "Since the first send was made whose end WeChat has not told.",
    "hold": "1 while a hold of the ledger stops the account.",
    "refused": "1 where WeChat did not answer for the account, or its secret is missing.",
    "status_timestamp_seconds": "When these figures were made.",
}
_STATUSES = (*Fate, PlanAction.EXPIRED, PlanAction.WAITS_FOR_APPROVAL)


def due_for(sends: Iterable[Send], context: DecisionContext) -> dict[str, list[timedelta]]:
    """Return, by AppID, for how long each send has been due that a run would make; 0 without a window."""
    found: dict[str, list[timedelta]] = {}
    for send in sends:
        if decide(send, context.content_digest(send), context).action in DUE:
            times = found.setdefault(context.account(send).appid, [])
            times.append(context.now - (send.not_before or context.now))
    return found


def status_metrics(
    view: StatusView,
    accounts: Mapping[str, str],
    *,
    held: Collection[str],
    due: Mapping[str, Sequence[timedelta]],
    now: datetime,
) -> str:
    """Write the metrics of the accounts.

    Args:
        accounts: their names by AppID; others that the ledger has stand under their AppID.
        held: the AppIDs on hold.
    """
    names = {row.known.appid: row.known.appid for row in view.rows} | dict(accounts)
    counts = Counter(
        (row.known.appid, Fate.UNKNOWN if has_no_job_id(row.known) else row.status) for row in view.rows
    )
    waiting: dict[str, timedelta] = {}
    for row in view.rows:
        if row.unfinished:
            waiting[row.known.appid] = max(now - row.known.at, waiting.get(row.known.appid, timedelta()))
    values: dict[str, list[tuple[dict[str, str], float]]] = {name: [] for name in HELP}
    for appid, account in names.items():
        labels = {"environment": view.environment, "account": account}
        values["sends"] += [({**labels, "status": one.value}, counts[appid, one]) for one in _STATUSES]
        times = due.get(appid, ())
        values["due"].append((labels, len(times)))
        values["overdue_seconds"].append((labels, max(times, default=timedelta()).total_seconds()))
        values["unfinished_seconds"].append((labels, waiting.get(appid, timedelta()).total_seconds()))
        values["hold"].append((labels, appid in held))
        values["refused"].append((labels, appid in view.failed))
    values["status_timestamp_seconds"].append(({"environment": view.environment}, now.timestamp()))
    return "\n".join(line for name, samples in values.items() for line in _lines(name, samples))


def _lines(name: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {HELP[name]}"
    yield f"# TYPE {PREFIX}{name} gauge"
    for labels, value in samples:
        written = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{PREFIX}{name}{{{written}}} {value:.0f}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
