"""A plan or the outcomes of an apply in, Markdown for a pull request's comment or a job's summary out.

The summary comes first and is never cut; campaign text stands in code spans and fences only.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from wechat_campaigns.core.errors import CampaignError, Diagnostic
from wechat_campaigns.core.model import Article, Articles, Send
from wechat_campaigns.core.words import _, ngettext
from wechat_campaigns.plan.compare import Comparison, SendChange
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.report.fit import Section, fitted, shortened
from wechat_campaigns.report.lines import content_lines, diff, html_lines, send_lines
from wechat_campaigns.report.neutral import cell, code, fence, html_code
from wechat_campaigns.report.problems import problems_text
from wechat_campaigns.report.sentences import QUIET, account_lines, attention_lines, total
from wechat_campaigns.report.words import counted, headcount, media, moment, receivers, summary, window
from wechat_campaigns.send.posting import Result, SendOutcome

MESSAGE_CHARS = 4_000
DIFF_CHARS = 8_000
EXCERPT_CHARS = 400
OPEN_MESSAGES = 3
"""So many messages are shown unfolded."""


def marker(kind: str, environment: str) -> str:
    """Write the hidden first line by which a comment is found again.

    Args:
        kind: `plan` or `apply`.
        environment: any text; it cannot end the comment.
    """
    return f"<!-- campaign:{kind} environment={quote(environment, safe='').replace('-', '%2D')} -->"


def plan_markdown(
    plan: Plan,
    *,
    timezone: str,
    comparison: Comparison | None = None,
    problems: Sequence[Diagnostic] = (),
) -> str:
    """Write a plan for its reviewers.

    Args:
        plan: the dry run.
        timezone: in which times are told.
        comparison: with the commit the change is based on.
        problems: errors, which stand before everything else.

    Returns:
        At most 65,000 characters.
    """
    shown = [planned for planned in plan.sends if planned.action not in QUIET]
    sections = [
        Section(title=_("Errors"), noun="error", blocks=[fence(problems_text([p])) for p in problems]),
        _overview(shown, plan, timezone),
        _fences(_("Needs attention"), "note", attention_lines(plan)),
        *([_changes(comparison, timezone)] if comparison is not None else []),
        Section(
            title=_("What followers receive"),
            noun="message",
            blocks=[_message(p, timezone, opened=n < OPEN_MESSAGES) for n, p in enumerate(shown)],
        ),
        _fences(_("Accounts"), "line", account_lines(plan)),
    ]
    return fitted(_head(plan, timezone, comparison), sections)


def outcomes_markdown(outcomes: Sequence[SendOutcome], plan: Plan) -> str:
    """Write what became of each send of an apply.

    Args:
        outcomes: of this run.
        plan: that was applied.
    """
    counts = {result: sum(outcome.result is result for outcome in outcomes) for result in Result}
    said = _("Campaigns applied to {environment}: {counts}").format(
        environment=code(plan.environment), counts=counted(counts) or _("nothing to send")
    )
    head = (
        f"{marker('apply', plan.environment)}\n## {said}\n\n"
        f"{_facts({_('Digest'): plan.plan_digest, _('Commit'): plan.commit or ''})}"
    )
    rows = [
        f"| {outcome.result} | {cell(outcome.id)} | {cell(outcome.account)} | {outcome.msg_id or ''} "
        f"| {cell(outcome.reason, 200)} |"
        for outcome in outcomes
    ]
    hints = [f"{o.id}: {o.reason} → {o.hint}" for o in outcomes if o.hint and o.exit_code]
    names = (_("result"), _("send"), _("account"), "msg_id", _("what happened"))
    lead = f"| {' | '.join(names)} |\n| --- | --- | --- | --- | --- |"
    sends = Section(title=_("Sends"), noun="send", lead=lead, blocks=rows, joint="\n")
    notes = [f"{outcome.id}: {note}" for outcome in outcomes for note in outcome.notes]
    parts = [sends, _fences(_("What to do"), "note", hints), _fences(_("Good to know"), "note", notes)]
    return fitted(head, parts)


def failure_markdown(
    error: CampaignError, problems: Sequence[Diagnostic], *, command: str, environment: str
) -> str:
    """Write why a run ended without a plan or outcomes; it takes the place of the comment before it.

    Args:
        error: what ended it.
        problems: all of them.
        command: `plan`, `apply` or `validate`.
        environment: its name.
    """
    told = f"{error}\n→ {error.hint}"
    said = _("Campaign {command} failed for {environment}").format(
        command=command, environment=code(environment)
    )
    head = f"{marker(command, environment)}\n## {said}\n\n{fence(told)}"
    blocks = [fence(problems_text([problem])) for problem in problems]
    return fitted(head, [Section(title=_("Problems"), noun="problem", blocks=blocks)])


def _head(plan: Plan, timezone: str, comparison: Comparison | None) -> str:
    said = _("Campaign plan for {environment}: {total}").format(
        environment=code(plan.environment), total=total(plan)
    )
    told = _("**This plan has sent nothing.** {counts}.")
    if plan.offline:
        told = _("**This plan has sent nothing.** {counts}. WeChat was not asked, so audiences are unknown.")
    times = _("{made}, expires {expires} ({timezone})").format(
        made=moment(plan.created_at, timezone), expires=moment(plan.expires_at, timezone), timezone=timezone
    )
    facts = {_("Digest"): plan.plan_digest, _("Commit"): plan.commit or "", _("Made"): times}
    if comparison is not None:
        facts[_("Compared with")] = f"{comparison.ref} ({comparison.commit[:12]})"
    counts = counted(plan.counts()) or _("no campaigns")
    return f"{marker('plan', plan.environment)}\n## {said}\n\n{told.format(counts=counts)}\n\n{_facts(facts)}"


def _facts(facts: dict[str, str]) -> str:
    first, *rest = [f"| {name} | {cell(value, 120)} |" for name, value in facts.items() if value]
    return "\n".join([first, "| --- | --- |", *rest])


def _overview(shown: Sequence[PlannedSend], plan: Plan, timezone: str) -> Section:
    rows = [_row(planned, timezone) for planned in shown]
    rows += [f"| **invalid** | {cell(bad.id)} | | | | | {_count(bad.problems)} |" for bad in plan.invalid]
    for orphan in plan.unknown_sends:
        why = cell(orphan.decision.reason, 120)
        rows.append(f"| **unknown** | {cell(orphan.send_state.send)} | | | | | {why} |")
    names = (_("action"), _("send"), _("to"), _("followers"), _("what"), _("when"), _("why"))
    lead = f"| {' | '.join(names)} |\n| --- | --- | --- | ---: | --- | --- | --- |"
    return Section(title=_("Sends"), noun="send", lead=lead, blocks=rows, joint="\n")


def _row(planned: PlannedSend, timezone: str) -> str:
    send = planned.send
    cells = (
        f"**{planned.action}**",
        cell(send.id),
        cell(receivers(send.filter)),
        headcount(planned.resolved.audience),
        f"{send.msgtype}: {cell(summary(send.content))}",
        window(send, timezone),
        cell(planned.decision.reason, 120),
    )
    return f"| {' | '.join(cells)} |"


def _count(problems: Sequence[Diagnostic]) -> str:
    said = ngettext("{count:,} problem, see above", "{count:,} problems, see above", len(problems))
    return said.format(count=len(problems))


def _fences(title: str, noun: str, lines: Sequence[str]) -> Section:
    # One fence a line would be a wall of boxes; one for all could not be cut.
    groups = [lines[i : i + 10] for i in range(0, len(lines), 10)]
    blocks = [fence(shortened("\n".join(group), MESSAGE_CHARS)) for group in groups]
    return Section(title=title, noun=noun, blocks=blocks)


def _message(planned: PlannedSend, timezone: str, *, opened: bool) -> str:
    send = planned.send
    told = _("{action} {send} to {receivers}, {count} followers, {window}").format(
        action=planned.action.value,
        send=html_code(send.id),
        receivers=html_code(receivers(send.filter)),
        count=headcount(planned.resolved.audience),
        window=window(send, timezone),
    )
    folded = f"<details{' open' if opened else ''}><summary>{told}</summary>"
    return f"{folded}\n\n{_shown(send)}\n\n</details>"


def _shown(send: Send) -> str:
    if isinstance(send.content, Articles):
        return "\n\n".join(_card(send.content, index) for index in range(len(send.content.articles)))
    return fence(shortened("\n".join(content_lines(send)), MESSAGE_CHARS))


def _card(content: Articles, index: int) -> str:
    article = content.articles[index]
    facts = {
        _("author"): article.author,
        _("digest"): article.digest,
        _("cover"): media(article.cover),
        _("read more"): article.content_source_url,
        _("size"): _size(article),
    }
    told = "\n".join(f"- {name}: {code(value)}" for name, value in facts.items() if value)
    excerpt = shortened("\n".join(html_lines(article.html)), EXCERPT_CHARS)
    heading = _("**Article {number}**").format(number=index + 1)
    return f"{heading} {code(article.title)}\n\n{told}\n\n{fence(excerpt)}"


def _size(article: Article) -> str:
    said = ngettext(
        "{chars:,} characters of HTML, {count:,} picture",
        "{chars:,} characters of HTML, {count:,} pictures",
        len(article.images),
    )
    return said.format(chars=len(article.html), count=len(article.images))


def _changes(comparison: Comparison, timezone: str) -> Section:
    blocks = [fence(comparison.note)] if comparison.note else []
    blocks += [_change(change, timezone) for change in comparison.changes]
    nothing = [] if blocks else [_("No send is new, edited or removed.")]
    title = _("Changed since {ref}").format(ref=code(comparison.ref))
    return Section(title=title, noun="change", blocks=blocks or nothing)


def _change(change: SendChange, timezone: str) -> str:
    if change.before is None:
        return _("**new** {send}").format(send=code(change.id))
    if change.after is None:
        return _("**removed** {send}").format(send=code(change.id))
    edited = diff(send_lines(change.before, timezone), send_lines(change.after, timezone))
    note = edited or _("the same text; a file, an option or the markup of an article differs")
    heading = _("**edited** {send}").format(send=code(change.id))
    return f"{heading}\n\n{fence(shortened(note, DIFF_CHARS), 'diff')}"
