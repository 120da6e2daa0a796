"""Plans, outcomes and states in, text for people out: tables that fit the terminal, hints below them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleRenderable, Group, JustifyMethod
from rich.containers import Lines
from rich.table import Table
from rich.text import Text

from wechat_campaigns.core.model import InvalidCampaign, PlanAction
from wechat_campaigns.core.words import N_, _, current_language, ngettext
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.report.columns import breaks
from wechat_campaigns.report.neutral import inert
from wechat_campaigns.report.sentences import QUIET, account_lines, attention_lines, total
from wechat_campaigns.report.standing import Standing
from wechat_campaigns.report.words import counted, headcount, moment, receivers, summary, window
from wechat_campaigns.send.posting import Result, SendOutcome

ACTION_STYLE = {
    PlanAction.SEND: "bold green",
    PlanAction.RESEND: "bold green",
    PlanAction.SCHEDULED: "cyan",
    PlanAction.SENT: "dim",
    PlanAction.EXPIRED: "dim",
    PlanAction.BLOCKED: "yellow",
    PlanAction.CONFLICT: "bold yellow",
    PlanAction.UNKNOWN: "bold magenta",
    PlanAction.INVALID: "bold red",
}
RESULT_STYLE = {
    Result.ACCEPTED: "bold green",
    Result.REJECTED: "bold red",
    Result.UNKNOWN: "bold magenta",
    Result.SKIPPED: "yellow",
    Result.NOT_SENT: "bold red",
}
MANY = 100
"""Sends above which a plan is a line for each instead of a table."""
HEADINGS = {
    "ACTION": N_("ACTION"),
    "RESULT": N_("RESULT"),
    "STATUS": N_("STATUS"),
    "SEND": N_("SEND"),
    "TO": N_("TO"),
    "FOLLOWERS": N_("FOLLOWERS"),
    "WHAT": N_("WHAT"),
    "WHEN": N_("WHEN"),
    "WHY": N_("WHY"),
    "ACCOUNT": N_("ACCOUNT"),
    "WHAT HAPPENED": N_("WHAT HAPPENED"),
    "SINCE": N_("SINCE"),
    "NOTE": N_("NOTE"),
    "TAG": N_("TAG"),
}
"""What stands above the columns; names of the platform's own fields are the same in every language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How text is drawn."""

    width: int = 100
    color: bool = False
    everything: bool = False
    """Show what needs no attention too: sends done and expired."""
    timezone: str = "Asia/Shanghai"


def plan_text(plan: Plan, look: Look) -> str:
    """Draw a plan: a table first, then what needs attention, then what apply would do."""
    if len(plan.sends) > MANY:
        return _long_plan(plan, look)
    parts: list[ConsoleRenderable] = [_said(_heading(plan, look), style="bold")]
    table = _plan_table(plan, look)
    parts += [table, _said("")] if table.row_count else [_said(_("Nothing to send.") + "\n")]
    parts += [_said(line) for line in account_lines(plan)]
    parts += [_said(line, style="yellow") for line in _attention(plan)]
    parts.append(_said(_closing(plan, look)))
    return _drawn(Group(*parts), look)


def outcomes_text(outcomes: Sequence[SendOutcome], look: Look) -> str:
    """Draw what became of each send of an apply."""
    table = _table("RESULT", "SEND", "ACCOUNT", "msg_id", "WHAT HAPPENED")
    for outcome in outcomes:
        table.add_row(
            _said(outcome.result.value, style=RESULT_STYLE[outcome.result]),
            _said(outcome.id),
            _said(outcome.account),
            _said(_ids(outcome)),
            _said("\n".join(_told(outcome))),
        )
    rows = [table] if outcomes else []
    return _drawn(Group(*rows, _said(_tally(outcomes))), look)


def status_text(standings: Iterable[Standing], look: Look) -> str:
    """Draw where sends stand."""
    table = _table("STATUS", "SEND", "ACCOUNT", "msg_id", "SINCE", "NOTE")
    standings = tuple(standings)
    if not standings:
        return _("Nothing was sent so far.")
    for row in standings:
        known = row.known
        name = known.send
        if known.revision > 1:
            name = _("{send} (revision {number})").format(send=known.send, number=known.revision)
        table.add_row(
            _said(known.status.value),
            _said(name),
            _said(row.account),
            _said(str(known.msg_id or "")),
            _said(moment(known.at, look.timezone)),
            _said(f"{row.note}\n→ {row.hint}" if row.hint else row.note),
        )
    return _drawn(table, look)


def history_text(title: str, rows: Sequence[Mapping[str, Any]], links: Sequence[str], look: Look) -> str:
    """Draw what was sent; the note says in words what the counts of an event are.

    Args:
        title: what it comes to.
        rows: those of the other forms, their receivers in words.
        links: of articles, a line each.
        look: how text is drawn.
    """
    table = _table("STATUS", "SEND", "ACCOUNT", "TO", "FOLLOWERS", "SINCE", "NOTE")
    for row in rows:
        before = [_said(row[key]) for key in ("status", "send", "account", "receivers")]
        addressed = "" if row["addressed"] is None else f"{row['addressed']:,}"
        table.add_row(*before, addressed, row["at"], _said(row["note"]))
    parts: list[ConsoleRenderable] = [_said(title)]
    parts += [_said(""), table] if rows else []
    # An address is not broken into lines: it would no longer be one.
    return "\n".join([_drawn(Group(*parts), look), *map(inert, ["", *links] if links else [])])


def tags_text(rows: Mapping[str, Sequence[Mapping[str, object]]], look: Look) -> str:
    """Draw the tags of each account with their counts."""
    table = _table("ACCOUNT", "tag_id", "TAG", "FOLLOWERS")
    for account, tags in rows.items():
        for tag in tags:
            table.add_row(account, str(tag["id"]), _said(str(tag["name"])), str(tag.get("count", "")))
    return _drawn(table, look)


def _heading(plan: Plan, look: Look) -> str:
    said = _("Plan for {environment}, {at}{commit}{offline}").format(
        environment=plan.environment,
        at=f"{moment(plan.created_at, look.timezone)} {look.timezone}",
        commit=_(", commit {commit}").format(commit=plan.commit[:12]) if plan.commit else "",
        offline=_(", offline: audiences unknown") if plan.offline else "",
    )
    return f"{said}\n"


def _long_plan(plan: Plan, look: Look) -> str:
    """Write a line a send: fitting thousands of rows into a table takes longer than making the plan."""
    lines = [_heading(plan, look)]
    for planned in _shown(plan, look):
        send, audience = planned.send, headcount(planned.resolved.audience)
        content = " ".join(f"{send.msgtype}: {summary(send.content)}".split())
        cells = [f"{planned.action:8}", send.id, receivers(send.filter), audience, content[: look.width // 3]]
        lines.append("  ".join(filter(None, [*cells, window(send, look.timezone), planned.decision.reason])))
    lines += [f"{PlanAction.INVALID:8}  {one.id}  {_listed_above(one)}" for one in plan.invalid]
    lines += [
        f"{PlanAction.UNKNOWN:8}  {one.send_state.send}  {one.decision.reason}" for one in plan.unknown_sends
    ]
    lines += ["", *account_lines(plan), *_attention(plan), _closing(plan, look)]
    return "\n".join(map(inert, lines))


def _shown(plan: Plan, look: Look) -> list[PlannedSend]:
    return [p for p in plan.sends if look.everything or p.action not in QUIET]


def _listed_above(invalid: InvalidCampaign) -> str:
    count = len(invalid.problems)
    said = ngettext("{count:,} problem, listed above", "{count:,} problems, listed above", count)
    return said.format(count=count)


def _plan_table(plan: Plan, look: Look) -> Table:
    shown = _shown(plan, look)
    windows = any(planned.send.not_before or planned.send.not_after for planned in shown)
    table = _table("ACTION", "SEND", "TO", "FOLLOWERS", "WHAT", *(["WHEN"] if windows else []), "WHY")
    for planned in shown:
        send = planned.send
        told = inert(f"{send.msgtype}: {summary(send.content)}")
        content = Text(told, no_wrap=True, overflow="ellipsis")
        content.truncate(max(24, look.width // 3), overflow="ellipsis")
        table.add_row(
            _action(planned.action),
            _said(send.id),
            _said(receivers(send.filter)),
            headcount(planned.resolved.audience),
            content,
            *([window(send, look.timezone)] if windows else []),
            _said(planned.decision.reason),
        )
    blank = [""] * (4 if windows else 3)
    for invalid in plan.invalid:
        table.add_row(_action(PlanAction.INVALID), _said(invalid.id), *blank, _listed_above(invalid))
    for orphan in plan.unknown_sends:
        why = _said(orphan.decision.reason)
        table.add_row(_action(PlanAction.UNKNOWN), _said(orphan.send_state.send), *blank, why)
    return table


def _attention(plan: Plan) -> list[str]:
    lines = attention_lines(plan)
    return ["", _("Needs attention:"), *(f"  {line}" for line in lines)] if lines else []


def _closing(plan: Plan, look: Look) -> str:
    counts = plan.counts()
    said = _("Summary: {counts}. This plan has sent nothing.")
    if len(_shown(plan, look)) < len(plan.sends):
        said = _("Summary: {counts} (--all lists those done and expired). This plan has sent nothing.")
    told = said.format(counts=counted(counts) or _("no campaigns"))
    lines = ["", told, _("Digest: {digest}").format(digest=plan.plan_digest)]
    if plan.calls() and plan.ledger_known and not (PlanAction.INVALID in counts or plan.uninitialized):
        lines.append(_("An apply of this plan would make {total}.").format(total=total(plan)))
    return "\n".join(lines)


def _tally(outcomes: Sequence[SendOutcome]) -> str:
    counts = {result: sum(o.result is result for o in outcomes) for result in Result}
    if not outcomes:
        return _("Nothing to send.")
    said = _("{counts}.")
    if counts[Result.ACCEPTED]:
        said = _("{counts}. Accepted is not delivered: `campaign status` asks WeChat what became of it.")
    return f"\n{said.format(counts=counted(counts))}"


def _told(outcome: SendOutcome) -> Iterator[str]:
    yield outcome.reason
    if outcome.hint and outcome.exit_code:
        yield f"→ {outcome.hint}"
    yield from outcome.notes


def _ids(outcome: SendOutcome) -> str:
    if outcome.msg_id is None:
        return ""
    return f"{outcome.msg_id}" + (f"\nmsg_data_id {outcome.msg_data_id}" if outcome.msg_data_id else "")


class _Words(Text):
    """Text that may break after any Chinese sign, and never before a comma; rich breaks at blanks only."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        """See `rich.text.Text.wrap`."""
        if options.get("no_wrap"):
            return super().wrap(console, width, **options)
        lines = Lines()
        for paragraph in self.split(allow_blank=True):
            for line in paragraph.divide(breaks(paragraph.plain, width)):
                line.rstrip_end(width)
                lines.append(line)
        return lines


def _said(text: str, style: str = "") -> Text:
    return (Text if current_language() == "en" else _Words)(inert(text), style=style)


def _action(action: PlanAction) -> Text:
    return _said(action.value, style=ACTION_STYLE[action])


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        narrow = column in ("ACTION", "RESULT", "STATUS", "SEND", "FOLLOWERS", "msg_id")
        justify: JustifyMethod = "right" if column == "FOLLOWERS" else "left"
        heading = _(HEADINGS.get(column, column))
        table.add_column(heading, no_wrap=narrow, overflow="fold", justify=justify)
    return table


def _drawn(renderable: ConsoleRenderable, look: Look) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=look.width,
        force_terminal=look.color,
        color_system="standard" if look.color else None,
        highlight=False,
        emoji=False,
        markup=False,
    )
    console.print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
