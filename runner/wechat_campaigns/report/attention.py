"""List what a person should read before a plan is applied, as sentences and as problems beside the files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.names import quoted
from wechat_campaigns.core.redact import redact
from wechat_campaigns.ledger.fold import uninitialized_words
from wechat_campaigns.plan.hints import first_of
from wechat_campaigns.plan.plan import Plan, PlannedSend, UnknownSend, Violation
from wechat_campaigns.plan.policy import remedy
from wechat_campaigns.plan.quota import Overlap
from wechat_campaigns.plan.rule_changes import SettingsChange
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.report.phrases import shortened

BLOCKED = frozenset({PlanAction.BLOCKED, PlanAction.CONFLICT, PlanAction.UNKNOWN})
"""Actions that a person has to do something about."""
FINISHED = frozenset({PlanAction.SENT, PlanAction.EXPIRED})
"""What a plan only counts: an archive of thousands of sends must not hide the one that matters."""
CHECKED_AGAIN = N_("the plan after the merge and `campaign apply` check again")
OVERLAP = "overlap"
"""The rule of the notes of `overlaps`, one for each account and day."""
FEW_NOTES = 3
"""Notes of one rule that are shown unfolded."""
SHOWN_SENDS = 5
VALUE_CHARS = 160
"""The maximum length of one key or value of the settings."""
DECISIVE = (
    "default_environment", "protected", "approvals", "api", "ledger", "namespace", "policy",
    "resend_after", "resend_until", "notify", "audit", "accounts",
)  # fmt: skip
"""Settings that decide what is sent and which programs run, the weightiest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a person should read, of the whole plan or of one send."""

    rule: str
    """A rule, a reason or a topic: notes of one rule stand together."""
    message: str
    hint: str = ""
    send: str = ""
    """Its id; empty for the whole plan."""
    place: Location | None = None
    """Of its send, if that has a file and is still to come."""
    problem: Diagnostic | None = None
    """Where it is one of a file."""

    @property
    def text(self) -> str:
        """The note as one sentence, the send before it and the hint behind it."""
        return f"{self._labelled} → {self.hint}" if self.hint else self._labelled

    @property
    def location(self) -> str:
        """Where a problem of a file is."""
        return str(self.problem.location) if self.problem is not None else ""

    @property
    def _labelled(self) -> str:
        return _(": ").join(filter(None, (self.send, self.message)))

    def at(self, location: Location) -> Diagnostic:
        """Return it as a problem: of a file that it is one of, else as a warning at a location."""
        return self.problem or Diagnostic(
            location=location,
            rule=f"plan-{self.rule.replace('_', '-')}",
            message=self._labelled,
            hint=self.hint,
            level="warning",
        )


def note_groups(notes: Iterable[Note]) -> list[list[Note]]:
    """Return the notes of each rule, in the order in which the rules come first."""
    groups: dict[str, list[Note]] = {}
    for note in notes:
        groups.setdefault(note.rule, []).append(note)
    return list(groups.values())


def is_folded(group: Sequence[Note]) -> bool:
    """Return whether only the first need be seen: many of sends, files or days, none of the whole plan."""
    alike = all(note.send or note.location or note.rule == OVERLAP for note in group)
    return len(group) > FEW_NOTES and alike


def attention_notes(plan: Plan, overlaps: Iterable[Overlap]) -> tuple[Note, ...]:
    """List what a person should read before agreeing to a plan: of the whole plan, then of each send."""
    notes = [*_hold_notes(plan), *_plan_notes(plan), *_settings_notes(plan), *_overlaps(overlaps)]
    notes += [note for planned in plan.sends for note in _notes(plan, planned)]
    notes += [_decisive(one.send_state.send, one) for one in plan.unknown_sends if one.hint]
    return tuple(notes)


def _note(rule: str, what: str, hint: str = "", **values: object) -> Note:
    return Note(rule=rule, message=what.format(**values), hint=hint.format(**values))


def _hold_notes(plan: Plan) -> Iterator[Note]:
    """Write which accounts are on hold, where no send says so."""
    named = {one.account.appid for one in plan.sends if one.code is Reason.HOLD}
    for what, hint in (words for appid, words in plan.holds.items() if appid not in named):
        yield Note(rule="hold", message=what, hint=hint)


def _plan_notes(plan: Plan) -> Iterator[Note]:
    """Write what this plan does not know, and what follows from that."""
    if not plan.ledger_known:
        what = _("this machine has no copy of the ledger, so the plan treats every campaign as never sent")
        hint = _("run `campaign plan` without `--offline` where the ledger can be reached")
        yield _note("ledger", what, hint)
    if plan.unverified:
        what = _(
            "what the ledger records of {names} was not verified: their AppSecret or ledger_key is not "
            "available here or signed none of it, or a record of their rules is forged"
        )
        hint = _(
            "run `campaign plan` with the right AppSecret or ledger_key; `campaign apply` verifies it in any "
            "case"
        )
        yield _note("ledger", what, hint, names=_(", ").join(plan.unverified))
    if plan.offline and any(planned.resolved_names for planned in plan.sends):
        what = _("the plan did not look up tags, media and drafts in WeChat")
        hint = _(
            "a plan after the merge looks them up; if none follows, plan without `--offline` before the "
            "review, so that `campaign apply` finds out whether they changed"
        )
        yield _note("offline", what, hint)
    if any(planned.resolved.audience.last for planned in plan.sends):
        what = _(
            "a number after `~` is the audience of the last send to the same recipients, from the ledger"
        )
        yield _note("offline", what, _(CHECKED_AGAIN))
    if plan.uninitialized:
        what, hint = uninitialized_words(plan.uninitialized, plan.environment)
        yield Note(rule="ledger", message=what, hint=hint)
    if plan.unselected:
        what = ngettext(
            "{count:,} send of other accounts is left out, by `--accounts` or `--shard`",
            "{count:,} sends of other accounts are left out, by `--accounts` or `--shard`",
            plan.unselected,
        )
        yield _note("selection", what, count=plan.unselected)
    if plan.unread_checkout is not None:
        top, answer = plan.unread_checkout
        what = _("the plan names no commit: git does not read {folder} ({error})")
        hint = _("install git, or correct what it reports; then plan again")
        if answer.is_foreign:
            what = _("the plan names no commit: git does not read {folder}, because another user owns it")
            hint = _(
                "run as its owner, or run `git config --global --add safe.directory {folder}`; in a "
                "container, set GIT_CONFIG_COUNT=1, GIT_CONFIG_KEY_0=safe.directory and "
                "GIT_CONFIG_VALUE_0={folder}"
            )
        yield _note("commit", what, hint, folder=quoted(str(top)), error=answer.error_line)
    pending = (planned for planned in plan.sends if planned.action not in (*FINISHED, PlanAction.SCHEDULED))
    unchecked = (one for planned in pending for one in planned.violations if _waits_for_network(plan, one))
    if rules := Counter(violation.rule for violation in unchecked):
        listed = _(", ").join(
            ngettext("{rule} ({count} send)", "{rule} ({count} sends)", count).format(rule=rule, count=count)
            for rule, count in sorted(rules.items())
        )
        what = _("without WeChat's answers, the plan did not check: {rules}")
        yield _note("offline", what, _(CHECKED_AGAIN), rules=listed)


def _settings_notes(plan: Plan) -> Iterator[Note]:
    since = _("rule changed since the last apply: {change}")
    if plan.offline:  # the ledger's record was not compared with the AppSecret
        since = _("rule changed since the last apply (as the ledger records it, not verified): {change}")
    for change in plan.settings_changes:
        yield _note("settings", since, change=settings_change(change))
    edited = _("setting edited: {change}")
    # Who edits the settings names the keys, so their order would let a hundred others come first.
    for change in sorted(plan.settings_edits, key=lambda one: _weight(one, plan.environment)):
        yield _note("settings", edited, change=settings_change(change))


def _weight(change: SettingsChange, environment: str) -> tuple[int, int, bool]:
    """Order edits: those of settings that decide first, of them programs."""
    own = f"environments.{environment}."
    is_foreign = change.key.startswith("environments.") and not change.key.startswith(own)
    steps = change.key.removeprefix(own).split(".")
    name = steps[2] if is_foreign and len(steps) > 2 else steps[0]
    if name not in DECISIVE:
        return 2, 0, False
    return int(is_foreign), DECISIVE.index(name), "command" not in steps


def problem_note(problem: Diagnostic) -> Note:
    """Write a problem of a file as a note."""
    return Note(rule=problem.rule, message=problem.message, hint=problem.hint, problem=problem)


def _overlaps(overlaps: Iterable[Overlap]) -> Iterator[Note]:
    what = _(
        "on {day}, {account} sends more than one message to up to {count:,} followers: {sends}. How far "
        "the tags overlap was not counted"
    )
    hint = _("check the tags: each of these messages counts in the four that a follower receives a month")
    for one in sorted(overlaps, key=lambda overlap: overlap.followers, reverse=True):
        names, day = first_of(one.sends, SHOWN_SENDS), one.day.isoformat()
        yield _note(OVERLAP, what, hint, day=day, account=one.account, count=one.followers, sends=names)


def _decisive(send_id: str, one: PlannedSend | UnknownSend) -> Note:
    return Note(rule=one.code.value, message=one.reason, hint=one.hint, send=send_id)


def settings_change(change: SettingsChange) -> str:
    """Write a key of the settings before and after, without secrets."""
    template = _("{key}: {before} → {after}")
    before, after = (shortened(redact(text), VALUE_CHARS) for text in (change.before, change.after))
    return template.format(key=shortened(redact(change.key), VALUE_CHARS), before=before, after=after)


def _notes(plan: Plan, planned: PlannedSend) -> Iterator[Note]:
    send = planned.send
    if planned.action is PlanAction.SENT:
        return
    # The file of one that is finished may not exist any more.
    place = send.location if planned.action not in FINISHED and send.location.file else None
    # A name that stands for nothing is an error at its line, which each report lists.
    is_open = planned.action in BLOCKED or plan.is_held(planned)
    if is_open and not planned.resolved.problems:
        yield replace(_decisive(send.id, planned), place=place)
    # The decision names the first that blocks; what is unchecked offline is counted for the whole plan.
    blocking = [violation for violation in planned.violations if violation.blocks]
    for found in planned.violations:
        if found not in blocking[:1] and not _waits_for_network(plan, found):
            yield Note(rule=found.rule, message=found.message, hint=remedy(found), send=send.id, place=place)
    for finding in send.diagnostics:
        if finding.level != "advice":
            yield replace(problem_note(finding), send=send.id, place=place)


def _waits_for_network(plan: Plan, violation: Violation) -> bool:
    return plan.offline and violation.is_unchecked and not violation.blocks
