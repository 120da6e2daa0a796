"""Write plans and outcomes as Markdown, for a pull request's comment or a job's summary.

The summary comes first and is never cut; campaign text stands in code spans and fences only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.i18n import _, ngettext, status_word
from wechat_campaigns.core.model import Send
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.plan.review import Comparison
from wechat_campaigns.report.attention import is_folded, note_groups
from wechat_campaigns.report.links import Hosts
from wechat_campaigns.report.phrases import short_commit, shortened
from wechat_campaigns.report.plan_view import PlanView, Row
from wechat_campaigns.report.problems import problems_text
from wechat_campaigns.report.sanitize import cell, code, fence, html_code

if TYPE_CHECKING:
    from wechat_campaigns.report.send_status import StatusView

COMMENT_CHARS = 65_000
"""GitHub refuses a comment above 65,536. Source: GitHub, REST API for issue comments, read 2026-11."""
_NOTE_CHARS = 120
MESSAGE_CHARS = 4_000
DIFF_CHARS = 8_000
DIGITS = 10
"""Of a commit that is only named."""
SETTINGS_NOTES = 5
"""So many stand in one fence, which has room for each in full."""
HEADLINE_CHARS = 60
CHANGE_CHARS = 400
"""Of what was edited in a send, with the reason of its row."""
OPEN_MESSAGES = 3
"""So many messages are shown unfolded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, a text that leads in, and blocks that may be left out from the end."""

    title: str
    blocks: Sequence[str]
    lead: str = ""
    joint: str = "\n\n"


def marker(kind: str, environment: str) -> str:
    """Write the hidden first line by which a comment is found again.

    Args:
        kind: `plan` or `apply`.
        environment: any text; it cannot end the comment.
    """
    return f"<!-- campaign:{kind} environment={quote(environment, safe='').replace('-', '%2D')} -->"


def plan_markdown(view: PlanView) -> str:
    """Write a plan for its reviewers, in at most 65,000 characters."""
    rows = list(view.in_order())
    messages = [(row, row.planned) for row in rows if row.planned is not None]
    settings = [note.text for note in view.notes if note.rule == "settings"]
    sections = [
        _fences(_("Changed settings"), settings, size=SETTINGS_NOTES),
        _overview(view, rows),
        Section(title=_("Errors"), blocks=[fence(problems_text([p])) for p in view.errors]),
        _attention(view),
        *([_changes(view.comparison, view.timezone)] if view.comparison is not None else []),
        _fences(_("Accounts"), view.accounts),
        Section(
            title=_("What followers receive"),
            blocks=[
                _message(view, row, planned, opened=n < OPEN_MESSAGES)
                for n, (row, planned) in enumerate(messages)
            ],
        ),
        _fences(_("Later"), view.coming),
    ]
    return fitted(_head(view), sections)


def outcomes_markdown(view: PlanView) -> str:
    """Write what became of each send of an apply."""
    plan = view.plan
    title = _("Apply result for {environment}: {counts}").format(
        environment=code(plan.environment), counts=view.results or _("nothing to send")
    )
    facts = _facts({_("Digest"): plan.plan_digest, _("Commit"): plan.commit or ""})
    hints = [
        f"{one.id}{_(': ')}{one.reason} → {one.hint}" for one in view.outcomes if one.exit_code and one.hint
    ]
    notes = [f"{outcome.id}{_(': ')}{note}" for outcome in view.outcomes for note in outcome.notes]
    headings = (_("Result"), _("Send"), _("Account"), "msg_id", _("Note"))
    rows = [
        (
            *(status_word(one.result), cell(one.id), cell(one.account), str(one.msg_id or "")),
            cell(one.reason, 200),
        )
        for one in view.outcomes
    ]
    sections = [
        _table(_("Sends"), headings, rows),
        _fences(_("What to do"), hints),
        _fences(_("Good to know"), notes),
        _fences(_("Later"), view.coming),
    ]
    return fitted(f"{marker('apply', plan.environment)}\n## {title}\n\n{facts}", sections)


def status_markdown(view: StatusView) -> str:
    """Write which sends need a person, for the issue that a nightly job keeps."""
    count = len(view.attention)
    template = ngettext(
        "{count} send of {environment} needs attention",
        "{count} sends of {environment} need attention",
        count,
    )
    title = template.format(count=count, environment=code(view.environment))
    headings = (_("Status"), _("Send"), _("Account"), _("Note"))
    rows = [
        (
            *(f"**{status_word(row.status)}**", cell(row.known.send), cell(row.account)),
            cell(f"{row.note} → {row.hint}", 200),
        )
        for row in view.attention
    ]
    table = _table(_("Sends"), headings, rows)
    held = _fences(_("Accounts"), [f"{said} → {hint}" for said, hint in view.holds.values()])
    return fitted(f"{marker('status', view.environment)}\n## {title}", [held, table])


def failure_markdown(
    error: CampaignError, problems: Sequence[Diagnostic], *, command: str, environment: str
) -> str:
    """Write why a run ended without a plan or outcomes; it takes the place of the comment before it.

    Args:
        command: `plan`, `apply` or `validate`.
    """
    title = _("Campaign {command} failed for {environment}").format(
        command=command, environment=code(environment)
    )
    reason = fence(f"{error}\n→ {error.hint}")
    head = f"{marker(command, environment)}\n## {title}\n\n{reason}"
    blocks = [fence(problems_text([problem])) for problem in problems]
    return fitted(head, [Section(title=_("Problems"), blocks=blocks)])


def fitted(head: str, sections: Sequence[Section], *, limit: int = COMMENT_CHARS) -> str:
    """Join a head and as much of each section as fits; empty sections are left out.

    Args:
        head: kept whole.
        sections: the most important first.
    """
    text = head.rstrip("\n")
    # Every section gets at least its title and a note of what it leaves out.
    spare = sum(_least(section) for section in sections if section.blocks)
    for section in sections:
        if section.blocks:
            spare -= _least(section)
            text += _cut(section, limit - len(text) - spare)
    return f"{text}\n"


def _cut(section: Section, room: int) -> str:
    text = _opening(section)
    left = len(section.blocks)
    for block in section.blocks:
        piece = section.joint + block
        if len(text) + len(piece) + (_NOTE_CHARS if left > 1 else 0) > room:
            break
        text += piece
        left -= 1
    if left:
        note = _("… {count:,} more not shown: see the log of this run, or its JSON report.")
        text += f"\n\n{note.format(count=left)}"
    return text


def _opening(section: Section) -> str:
    return f"\n\n### {section.title}" + (f"\n\n{section.lead}" if section.lead else "")


def _least(section: Section) -> int:
    return len(_opening(section)) + _NOTE_CHARS


def _head(view: PlanView) -> str:
    environment = view.plan.environment
    commit = short_commit(view.plan.commit or "", 40)
    title = _("Campaign plan for {environment}: {total}").format(
        environment=code(environment), total=view.headline
    )
    facts = {_("Digest"): view.digest, _("Commit"): commit, _("Made"): view.times}
    summary = _("**This is only a plan: nothing was sent.** {counts}.").format(counts=view.glance)
    hosts = [fence(view.hosts.text)] if view.hosts.text else []
    changes = [
        cell(_(": ").join((row.headline[:HEADLINE_CHARS], text)) if row else text, CHANGE_CHARS)
        for row, text in view.changes
    ]
    changed = ["\n- ".join((f"**{changes[0]}**", *changes[1:]))] if changes else []
    head = [f"{marker('plan', environment)}\n## {title}", summary, *changed, *hosts, view.next_step]
    return "\n\n".join([*head, _facts(facts)])


def _facts(facts: dict[str, str]) -> str:
    first, *rest = [f"| {name} | {cell(value, 120)} |" for name, value in facts.items() if value]
    return "\n".join([first, "| --- | --- |", *rest])


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Section:
    rules = ["---:" if heading == _("Followers") else "---" for heading in headings]
    head, rule, *lines = (f"| {' | '.join(cells)} |" for cells in (headings, rules, *rows))
    return Section(title=title, lead=f"{head}\n{rule}", blocks=lines, joint="\n")


def _overview(view: PlanView, rows: Sequence[Row]) -> Section:
    headings = [_("When"), _("Content"), _("To"), _("Followers"), _("Send"), _("Action"), _("Reason")]
    named = view.has_accounts
    if named:
        headings.insert(2, _("Account"))
    table = []
    for row in rows:
        content = _(": ").join((row.kind, cell(row.content))) if row.kind else ""
        message = " · ".join(filter(None, [cell(row.description), content]))
        account = [cell(row.account)] if named else []
        to_whom = (cell(row.recipients), row.followers, cell(row.id))
        table.append(
            [row.window, message, *account, *to_whom, f"**{row.status}**", cell(row.note, CHANGE_CHARS)]
        )
    return _table(_("Who receives what, and when"), headings, table)


def _attention(view: PlanView) -> Section:
    """Write what a person should read by rule: of one rule with many notes all are folded."""
    blocks = []
    for group in note_groups(note for note in view.notes if note.rule != "settings"):
        block = fence(shortened("\n".join(note.text for note in group), MESSAGE_CHARS))
        if is_folded(group):
            block = _folded(f"{len(group):,} × {html_code(group[0].rule)}", block)
        blocks.append(block)
    return Section(title=_("Needs attention"), blocks=blocks)


def _folded(summary: str, content: str, *, opened: bool = False) -> str:
    """Fold a block below a line of HTML that is harmless already."""
    return f"<details{' open' if opened else ''}><summary>{summary}</summary>\n\n{content}\n\n</details>"


def _fences(title: str, lines: Sequence[str], *, size: int = 10) -> Section:
    # One fence a line would be a wall of boxes; one for all could not be cut.
    groups = [lines[i : i + size] for i in range(0, len(lines), size)]
    blocks = [fence(shortened("\n".join(group), MESSAGE_CHARS)) for group in groups]
    return Section(title=title, blocks=blocks)


def _message(view: PlanView, row: Row, planned: PlannedSend, *, opened: bool) -> str:
    summary = _("{action} {send} to {recipients}, followers: {followers}, {window}").format(
        action=row.status,
        send=html_code(row.id),
        recipients=html_code(row.recipients),
        followers=row.followers,
        window=row.window,
    )
    headline = html_code(row.headline[:HEADLINE_CHARS])
    return _folded(f"{headline} · {summary}", _content(planned.send, view.hosts), opened=opened)


def _content(send: Send, hosts: Hosts) -> str:
    parts = [fence(shortened("\n".join(send.content.visible.lines()), MESSAGE_CHARS))]
    if linked := list(map(hosts.line, send.content.visible.links())):
        parts += [_("Links"), fence(shortened("\n".join(linked), MESSAGE_CHARS))]
    return "\n\n".join(parts)


def _changes(comparison: Comparison, timezone: str) -> Section:
    """Write the edits in full; what is new or was removed stands at the top already."""
    from wechat_campaigns.report.changes import change_diff  # as above

    diffs = [(change, change_diff(change, timezone)) for change in comparison.changes]
    blocks = [
        f"{code(change.id)}\n\n{fence(shortened(lines, DIFF_CHARS), 'diff')}"
        for change, lines in diffs
        if lines
    ]
    return Section(title=_("Changed since {ref}").format(ref=code(comparison.ref)), blocks=blocks)
