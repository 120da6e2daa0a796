"""A plan in, one self-contained HTML page out: the facts, what changed, each message in a phone's width.

No script, no network, no form: a strict policy stands in the page, pictures are data: addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from importlib import resources

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.model import Articles, PlanAction, Send
from wechat_campaigns.core.patterns import escape_invisible
from wechat_campaigns.core.words import Language, _, current_language
from wechat_campaigns.plan.compare import Comparison, SendChange
from wechat_campaigns.plan.plan import Plan, PlannedSend, UnknownSend
from wechat_campaigns.render.article.page import (
    MESSAGE_CHARS,
    PICTURE_BYTES,
    Data,
    Pictures,
    content,
    findings_table,
)
from wechat_campaigns.report.lines import diff, send_lines
from wechat_campaigns.report.neutral import visible_record
from wechat_campaigns.report.sentences import QUIET, account_lines, attention_lines, total
from wechat_campaigns.report.words import counted, headcount, moment, receivers, summary, window

POLICY = (
    "default-src 'none'; img-src data: https://mmbiz.qpic.cn; style-src 'unsafe-inline'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
MAX_ROWS = 5_000
"""Of a table."""
LIST_CHARS = 4_000_000
"""Of a list in a page, or of all changes."""
HTML_LANGUAGE: Mapping[Language, str] = {"en": "en", "zh": "zh-CN"}
"""What a page says of its own words."""


def plan_html(
    plan: Plan,
    *,
    data: Data,
    timezone: str,
    comparison: Comparison | None = None,
    problems: Sequence[Diagnostic] = (),
) -> str:
    """Show a plan as a page.

    Args:
        plan: the dry run.
        data: gives the bytes of a picture.
        timezone: in which times are told.
        comparison: with the commit the change is based on.
        problems: errors, which stand before everything else.

    Returns:
        A whole HTML document.
    """
    shown = [planned for planned in plan.sends if planned.action not in QUIET]
    heading = _("Campaign plan for {environment}: {total}")
    pictures = Pictures(data)
    messages = fitting(
        [partial(_message, planned, pictures, timezone) for planned in shown], MESSAGE_CHARS + PICTURE_BYTES
    )
    body = [
        f"<h1>{html_text(heading.format(environment=plan.environment, total=total(plan)))}</h1>\n",
        _facts(plan, timezone),
        findings_table(visible_record(tuple(problems))),
        pictures.note(),
        _overview([*(_parts(planned, timezone) for planned in shown), *map(_orphan, plan.unknown_sends)]),
        _listed(_("Needs attention"), attention_lines(plan)),
        _changes(comparison, timezone) if comparison is not None else "",
        messages,
        _listed(_("Accounts"), account_lines(plan)),
    ]
    title = _("Campaign plan for {environment}").format(environment=plan.environment)
    return document(title, "".join(body))


def fitting(blocks: Sequence[Callable[[], str]], room: int) -> str:
    """Join blocks as long as there is room, and say how many are left out.

    Args:
        blocks: each makes one; those that are left out are not made.
        room: characters.
    """
    kept: list[str] = []
    for block in blocks:
        text = block()
        if len(text) > room:
            left = _("{count:,} more are not shown: the page would be too large").format(
                count=len(blocks) - len(kept)
            )
            return f'{"".join(kept)}<p class="warning">{html_text(left)}</p>\n'
        room -= len(text)
        kept.append(text)
    return "".join(kept)


def document(title: str, body: str) -> str:
    """Put a fragment into a whole document with the page's styles and policy."""
    return (
        f'<!DOCTYPE html>\n<html lang="{HTML_LANGUAGE[current_language()]}"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{html_text(title)}</title>\n'
        f"<style>\n{_css('wechat_campaigns.render.article', 'page')}"
        f"{_css('wechat_campaigns.report', 'report')}</style></head>\n"
        f"<body>\n{body}</body></html>"
    )


def _facts(plan: Plan, timezone: str) -> str:
    counts = counted(plan.counts()) or _("no campaigns")
    times = _("made {made}, expires {expires} ({timezone})")
    facts = [
        _("{counts}. This plan has sent nothing.").format(counts=counts),
        _("digest {digest}").format(digest=plan.plan_digest),
        _("commit {commit}").format(commit=plan.commit) if plan.commit else "",
        times.format(
            made=moment(plan.created_at, timezone),
            expires=moment(plan.expires_at, timezone),
            timezone=timezone,
        ),
        _("WeChat was not asked, so audiences are unknown") if plan.offline else "",
    ]
    return f'<p class="facts">{"<br>".join(html_text(fact) for fact in facts if fact)}</p>\n'


def _overview(listed: Sequence[tuple[str, ...]]) -> str:
    names = (_("action"), _("send"), _("to"), _("followers"), _("what"), _("when"), _("why"))
    rows = "".join(
        "<tr>"
        + "".join(
            # On a narrow screen the names of the columns stand in the cells.
            f'<td data-name="{name}">{html_text(part)}</td>'
            for name, part in zip(names, parts, strict=True)
        )
        + "</tr>\n"
        for parts in listed[:MAX_ROWS]
    )
    if len(listed) > MAX_ROWS:
        more = _("{count:,} more are not shown: the page would be too large").format(
            count=len(listed) - MAX_ROWS
        )
        rows += f'<tr><td colspan="{len(names)}" class="warning">{html_text(more)}</td></tr>\n'
    head = "".join(f"<th>{name}</th>" for name in names)
    return f'<table class="sends">\n<tr>{head}</tr>\n{rows}</table>\n' if rows else ""


def _parts(planned: PlannedSend, timezone: str) -> tuple[str, ...]:
    send = planned.send
    return (
        planned.action.value,
        send.id,
        receivers(send.filter),
        headcount(planned.resolved.audience),
        f"{send.msgtype}: {summary(send.content)}",
        window(send, timezone),
        planned.decision.reason,
    )


def _orphan(orphan: UnknownSend) -> tuple[str, ...]:
    return PlanAction.UNKNOWN.value, orphan.send_state.send, "", "", "", "", orphan.decision.reason


def _message(planned: PlannedSend, pictures: Pictures, timezone: str) -> str:
    send = planned.send
    facts = " · ".join(
        (planned.action, receivers(send.filter), window(send, timezone), planned.content_digest)
    )
    return (
        f'<section>\n<h2>{html_text(send.id)}</h2>\n<p class="facts">{html_text(facts)}</p>\n'
        f"{findings_table(visible_record(send.diagnostics))}{_phone(send, pictures)}</section>\n"
    )


def _phone(send: Send, pictures: Pictures) -> str:
    shown = content(replace(send, content=visible_record(send.content)), pictures=pictures)
    # Articles bring frames of their own, one for each width.
    return shown if isinstance(send.content, Articles) else f'<div class="phone">{shown}</div>\n'


def _listed(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = fitting([partial(_item, line) for line in lines], LIST_CHARS)
    return f"<section>\n<h2>{title}</h2>\n<ul>\n{items}</ul></section>\n"


def _item(line: str) -> str:
    return f"<li>{html_text(line)}</li>\n"


def _changes(comparison: Comparison, timezone: str) -> str:
    told = fitting([partial(_change, change, timezone) for change in comparison.changes], LIST_CHARS)
    note = f"<p>{html_text(comparison.note)}</p>\n" if comparison.note else ""
    heading = f"<h2>{html_text(_('Changed since {ref}').format(ref=comparison.ref))}</h2>\n"
    nothing = f"<p>{_('nothing')}</p>"
    return f"<section>\n{heading}{note}{told or nothing}</section>\n"


def _change(change: SendChange, timezone: str) -> str:
    if change.before is None or change.after is None:
        kind, word = ("new", _("new")) if change.before is None else ("gone", _("removed"))
        return f'<p><b class="{kind}">{word}</b> {html_text(change.id)}</p>\n'
    lines = diff(send_lines(change.before, timezone), send_lines(change.after, timezone)).split("\n")
    colours = {"+": "new", "-": "gone"}
    shown = "\n".join(f'<span class="{colours.get(line[:1], "")}">{html_text(line)}</span>' for line in lines)
    return f"<p><b>{_('edited')}</b> {html_text(change.id)}</p>\n<pre>{shown}</pre>\n"


def html_text(text: str) -> str:
    """Write a text for a page, with nothing hidden in it."""
    return escape(escape_invisible(text))


def _css(package: str, name: str) -> str:
    return resources.files(package).joinpath(f"{name}.css").read_text(encoding="utf-8")
