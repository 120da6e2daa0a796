"""Approve sends of a plan with the key of a person or of a CI job, and end approvals."""

import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import click

from wechat_campaigns.cli.context import OnlineContext, each_of, show_failed
from wechat_campaigns.cli.hold import ALL
from wechat_campaigns.cli.options import (
    ACCOUNTS,
    AUTO_APPROVE,
    DIR,
    ENV,
    FILE,
    VAR,
    Effect,
    campaign_ids,
    reason_option,
)
from wechat_campaigns.cli.output import confirm, print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.code_host.ci_run import CiRun, current_run
from wechat_campaigns.code_host.merged_requests import (
    approvers_of_run,
    reviewers_of,
    unapproved_request_error,
)
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import (
    ExitCode,
    PolicyError,
    StalePlanError,
    UsageError,
    system_reason,
    worst_exit_code,
)
from wechat_campaigns.core.files import config_folder, file_errors, read_own_file, replace_file
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Audience, PlanAction
from wechat_campaigns.core.names import list_id
from wechat_campaigns.core.settings import Account, Approvals
from wechat_campaigns.fetch.merged_changes import MergedChanges, merged_changes
from wechat_campaigns.guard.run import check_ci_run
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.approvals import (
    PRIVATE,
    ApprovalHead,
    Asked,
    Lack,
    Unit,
    Verdict,
    approval_of,
    approvals_of,
    end_of_approval,
    public_key,
    rules_approved,
    sign,
    withdrawal_of,
)
from wechat_campaigns.ledger.events import LedgerKind, append_at_end, kind_word
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan import planfile
from wechat_campaigns.plan.approval import asked_of, lack_words
from wechat_campaigns.plan.by_hand import open_sends, stopped_drafts, stopped_lines
from wechat_campaigns.plan.hints import first_of
from wechat_campaigns.plan.plan import PlannedSend, PlanReason
from wechat_campaigns.plan.rule_changes import rules_digest
from wechat_campaigns.protocol.events import EMPTY, Entry, Event
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.report.phrases import sends
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.text import approval_text
from wechat_campaigns.run.plan import (
    PlanResult,
    compared_with_approvals,
    compile_selected,
    plan_selected,
    stands_for,
)
from wechat_campaigns.workspace import LedgerWorkspace

APPROVAL_KEY: Final = "CAMPAIGN_APPROVAL_KEY"
KEY_FILE: Final = "approval.key"
MOST_NAMED: Final = 20
_RULES_ALONE: Final = Unit("", 0, "", None, None)


@command(
    effect=Effect.LEDGER_DECISION,
    options=(AUTO_APPROVE, DIR, ENV, VAR),
    examples={
        "campaign approve plan.json": N_("show what waits for an approval, ask, and sign it"),
        "campaign approve plan.json --send sale": N_("approve one campaign of the plan"),
        "campaign approve plan.json --merged-request": N_(
            "in CI: sign what the merged request of this commit changed, if its reviewers approved it"
        ),
        "campaign approve --new-key": N_("make your key, once"),
    },
)
@click.argument("plan_file", type=FILE, required=False)
@click.option(
    "--send",
    "chosen",
    metavar="ID",
    multiple=True,
    shell_complete=campaign_ids,
    help="Only this send, or the sends of this campaign; repeatable.",
)
@click.option("--expect-digest", metavar="DIGEST", help="The digest that was reviewed.")
@click.option(
    "--merged-request",
    is_flag=True,
    help="In CI: only what the merged request of this commit changed, if enough `reviewers` approved it.",
)
@click.option("--new-key", is_flag=True, help="Make your key pair, and print the public key.")
def approve(
    context: OnlineContext,
    plan_file: Path | None,
    chosen: tuple[str, ...],
    expect_digest: str | None,
    auto_approve: bool,
    merged_request: bool,
    new_key: bool,
) -> int:
    """Approve sends of a plan: apply may make them, each as it is now, whatever else is merged.

    Shows what waits and what changed since its last approval, asks, and records one signed event an account.
    Signs with CAMPAIGN_APPROVAL_KEY or your key file, and reads no AppSecret. The checkout must hold what the
    plan was made of. A CI run does not ask.

    With --merged-request, GitHub or GitLab is asked who approved the request. Signed is what differs from the
    first parent of the commit: after a rebase merge of several commits, what the last one changed.
    """
    if new_key:
        return _make_key(context)
    if plan_file is None:
        raise UsageError(_("the plan file is missing"), hint=_("pass a file of `campaign plan --out FILE`"))
    if (run := current_run()) is not None:
        check_ci_run(run)
    data = planfile.read(plan_file)
    planfile.check_whole(data)
    planfile.check_usable(data, context.settings.environment.name, context.clock())
    digest = data["plan_digest"]
    if expect_digest not in (None, digest):
        raise planfile.digest_error(digest, str(expect_digest))
    if data["offline"]:
        raise UsageError(
            _("the plan was made offline: what its names stand for is unknown"),
            hint=_("make the plan without `--offline`"),
        )
    if not data["heads"]:
        message = _("no send of this plan needs an approval")
        return context.output_sentence(message, plan_digest=digest, recorded=[], signed=[], waits=[])
    signing = _Signing(context=context, data=data, private=_private_key(), run=run, chosen=chosen)
    names = signing.names()
    if merged_request:
        signing.take_merged_request()
    found, failed = each_of(names, signing.part)
    parts = {name: part for name, part in found.items() if part is not None}
    if parts:
        text = signing.text(parts.values())
        if run is None and not auto_approve:
            print_message(f"{text}\n")
            question = _("{environment}: approve {sends}?").format(
                environment=data["environment"], sends=_what(parts.values())
            )
            confirm(question, _("Not confirmed: nothing was done."))
        else:
            context.show_progress(f"{text}\n")
    recorded, unrecorded = each_of(parts, signing.record)
    return worst_exit_code((show_failed({**failed, **unrecorded}), signing.report(list(recorded.values()))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one event of an account says."""

    account: Account
    head: ApprovalHead
    asked: Asked
    approver: str
    """The name of the key in the settings, or by the last apply."""
    units: Sequence[Unit]
    """Empty: the rules alone."""
    who: Sequence[str] = ()


@dataclass(kw_only=True)
class _Signing:
    """A plan file that is approved with one key."""

    context: OnlineContext
    data: Mapping[str, Any]
    private: str
    run: CiRun | None
    chosen: Sequence[str]
    """The ids that were named; empty: all sends of the plan."""
    merged: MergedChanges | None = None
    """What is meant where it is set: the sends that a request changed."""

    def names(self) -> dict[str, str]:
        """Return the accounts of the plan, AppID by name.

        Raises:
            UsageError: an id is not in the plan, or the key is not an approver's.
        """
        settings, heads = self.context.settings, planfile.heads(self.data)
        known = [unit.id for appid in heads for unit in planfile.units(self.data, appid)]
        for name in self.chosen:
            if not any(stands_for(self.context.full_id(name), one) for one in known):
                what, hint = _("no send of the plan has the id {name}"), _("use one of: {names}")
                raise UsageError(what.format(name=name), hint=hint.format(names=first_of(known, MOST_NAMED)))
        accounts = settings.environment.by_appid
        asked = (
            asked_of(settings, accounts[one], self.state.stream(one)) for one in heads if one in accounts
        )
        required = [one for each in asked if each is not None for one in each.required or ()]
        public = public_key(self.private)
        if required and not any(public in one.approvers.values() for one in required):
            raise UsageError(
                _("no approver of the settings has the key {public}").format(public=public),
                hint=_("use the key of an approver, or add this one to `approvals`"),
            )
        return {accounts[appid].name if appid in accounts else appid: appid for appid in heads}

    @cached_property
    def workspace(self) -> LedgerWorkspace:
        """The same folder and ledger, without a way to WeChat."""
        context = self.context
        opened = LedgerWorkspace(context.root, context.environment, context.variables)
        opened.ledger = context.ledger
        return opened

    @cached_property
    def state(self) -> LedgerState:
        """The ledger. No mac is checked: a forged event may stop an approval, and gives none."""
        return self.workspace.fold_ledger()

    @cached_property
    def local(self) -> PlanResult:
        """The plan of this checkout: what is shown is what is signed."""
        unknown = {one.send for one in self.state.unended_sends if one.fate is Fate.UNKNOWN}
        resend = [one["id"] for one in self.data["sends"] if "resend" in one and one["id"] in unknown]
        return plan_selected(self.workspace, (), self.state, resend=resend, checked=False)

    def take_merged_request(self) -> None:
        """Mean only the sends that the merged request of this commit changed."""
        if self.run is None:
            raise UsageError(
                _("--merged-request is for a CI job of the default branch"),
                hint=_("remove it, and approve the plan with your own key"),
            )
        self.merged = merged_changes(self.workspace, compile_selected(self.workspace, ()), self.run)

    def part(self, appid: str) -> _Part | None:
        """Return what this key has to sign for an account, if anything.

        Raises:
            PolicyError: its rules or its merged request are not approved.
            StalePlanError: the ledger, or the checkout, is not that of the plan.
        """
        settings, head = self.context.settings, planfile.heads(self.data)[appid]
        account, stream = settings.environment.by_appid.get(appid), self.state.stream(appid)
        if account is None:
            raise _stale_error(_("this account left the settings"))
        asked, every = asked_of(settings, account, stream), planfile.units(self.data, appid)
        meant = [unit for unit in every if self._means(unit)]
        if asked is None or (not meant and (every or self.merged is not None)):
            return None
        if asked.required is None:
            what, hint = lack_words(Verdict(Lack.NOT_RECORDED), _RULES_ALONE, settings.environment.env_option)
            raise PolicyError(what, hint=hint)
        public = public_key(self.private)
        names = {key: name for one in asked.required for name, key in one.approvers.items()}
        if public not in names:
            return None
        mine = replace(asked, required=[Approvals(approvers={names[public]: public})])
        # Behind a gate that changed nothing is looked up: its rules are signed first, alone.
        seen = [one for one in meant if one.names is not None]
        units = [one for one in seen if all(approval_of(stream, one, by).lack for by in (asked, mine))]
        if self.merged is not None:
            units = [one for one in units if not _is_decided(stream, one, asked, public)]
        is_whole = bool(every) and seen == meant
        if not units and (is_whole or any(rules_approved(stream, by) for by in (asked, mine))):
            return None
        part = _Part(account=account, head=head, asked=asked, approver=names[public], units=units)
        self._check(part, self.context.ledger.read(appid))
        if asked.rules != head.rules:
            raise _stale_error(_("the settings of this checkout are not those of the plan"))
        for unit in units:
            # What a draft of the console holds is known to the plan alone; its fingerprint is signed too.
            planned = [one for one in self._planned(appid, unit) if not isinstance(one.send.content, Draft)]
            is_gone = not self._planned(appid, unit)
            if is_gone or (planned and all(one.unit.digest != unit.digest for one in planned)):
                raise _stale_error(_("this checkout has another {send}").format(send=unit.id))
        return replace(part, who=self._who(part, stream))

    def _means(self, unit: Unit) -> bool:
        if self.merged is not None:
            return any(stands_for(unit.id, name) for name in self.merged.sends)
        return not self.chosen or any(stands_for(self.context.full_id(one), unit.id) for one in self.chosen)

    def _planned(self, appid: str, unit: Unit) -> list[PlannedSend]:
        """List the sends of this checkout that have the id and revision of a unit."""
        key = normalize_id(unit.id), unit.revision
        units = ((one, one.unit) for one in self.local.plan.sends if one.account.appid == appid)
        return [one for one, own in units if (normalize_id(own.id), own.revision) == key]

    def _check(self, part: _Part, events: Sequence[Event]) -> None:
        """Refuse a plan that saw another ledger, or after which something ended approvals."""
        head, appid = part.head, part.account.appid
        seen = events[head.seq - 1].head if 0 < head.seq <= len(events) else EMPTY
        if (seen.seq, seen.hash) != (head.seq, head.hash):
            raise _stale_error(_("the ledger does not have the event that the plan saw last"))
        stream = fold(events, streams=[appid]).stream(appid)
        for name in [unit.id for unit in part.units] or [""]:
            if (ended := end_of_approval(stream, head.seq, head.rules, part.asked, name)) is not None:
                what = _("event {number} ({kind}) came after the plan that was reviewed")
                raise _stale_error(what.format(number=ended.seq, kind=kind_word(ended)))

    def _who(self, part: _Part, stream: AccountState) -> Sequence[str]:
        """Return who approves: by the code host, else the user who runs this."""
        environment, user = self.context.settings.environment, self.context.actor().get("user", "")
        if self.merged is not None:
            before = self.merged.before
            was = before.environment.by_appid.get(part.account.appid)
            known = {sha256(one[-1].data.get("rules")) for one in stream.rule_changes.values()}
            versions = [part.asked.rules, *([rules_digest(before, was)] if was is not None else [])]
            if not any(
                one in known or rules_approved(stream, replace(part.asked, rules=one)) for one in versions
            ):
                raise unapproved_request_error(_("the rules were changed by an earlier commit"))
            found = [reviewers_of(self.merged.request, one) for one in part.asked.required or ()]
            return list(dict.fromkeys(name for names in found for name in names))
        if self.run is not None:
            return approvers_of_run(self.run, f"{environment.name}-approval", self.context.root) or [user]
        return [user]

    def text(self, parts: Iterable[_Part]) -> str:
        """Write what is to be signed, as the page of the plan shows it."""
        settings, audiences = self.context.settings, planfile.audiences(self.data)
        shown: list[PlannedSend] = []
        for part, unit in [(one, unit) for one in parts for unit in one.units]:
            appid = part.account.appid
            verdict = approval_of(self.state.stream(appid), unit, part.asked)
            why, hint = lack_words(verdict, unit, settings.environment.env_option)
            for one in self._planned(appid, unit):
                waits = one.left(PlanAction.WAITS_FOR_APPROVAL, why, hint=hint, code=PlanReason.UNAPPROVED)
                audience = Audience(count=audiences.get(one.key), source="ledger")
                resolved = replace(one.resolved, audience=audience)
                shown.append(replace(waits, resolved=resolved, approval=verdict))
        made = datetime.fromisoformat(self.data["created_at"])
        plan = replace(self.local.plan, created_at=made, sends=tuple(shown), invalid=(), unknown_sends=())
        found = compared_with_approvals(self.workspace, replace(self.local, plan=plan), ())
        view = PlanView(plan=found.plan, timezone=settings.policy.timezone, comparison=found.comparison)
        return approval_text(view, self.context.text_options)

    def record(self, part: _Part) -> _Part:
        """Append the event of an account."""
        context, appid = self.context, part.account.appid
        data = {
            "environment": context.settings.ledger_scope,
            "rules": part.head.rules,
            "saw": {"seq": part.head.seq, "hash": part.head.hash},
            "sends": [list(unit) for unit in part.units],
            "approver": part.approver,
            "who": list(part.who),
            "run": context.actor().get("run", ""),
            "commit": self.data["commit"],
            "at": context.clock().astimezone(UTC).isoformat(),
            "plan_digest": self.data["plan_digest"],
        }

        def entry_after(events: Sequence[Event]) -> Entry:
            self._check(part, events)
            after = events[-1].hash if events else EMPTY.hash
            entry = Entry(stream=appid, kind=LedgerKind.APPROVED, data={**data, "after": after})
            return sign(entry, self.private)

        append_at_end(context.ledger, appid, entry_after)
        return part

    def report(self, recorded: Sequence[_Part]) -> ExitCode:
        """Print what was signed, what is approved now and what still waits."""
        units = {appid: planfile.units(self.data, appid) for appid in self.data["heads"]}
        standing = _standing(self.context, self.workspace.fold_ledger(), units)
        waits = {name: why for name, why in standing if why}
        ready = [name for name, why in standing if not why]
        signed = [unit.id for part in recorded for unit in part.units]
        lines = [_("Nothing was signed: this key has nothing left to approve.")]
        if recorded:
            names = _(", ").join(dict.fromkeys(name for part in recorded for name in part.who))
            line = _("{sends} approved with the key of {approver}, by {names}.")
            approver = _(", ").join(dict.fromkeys(part.approver for part in recorded))
            lines = [line.format(sends=_what(recorded), approver=approver, names=names)]
        lines += [_would_be_sent(self.context, ready)]
        lines += [_("Still waits: {send}: {why}.").format(send=name, why=why) for name, why in waits.items()]
        return self.context.output_sentence(
            "\n".join(lines),
            plan_digest=self.data["plan_digest"],
            recorded=[part.account.name for part in recorded],
            signed=signed,
            approved=ready,
            waits=list(waits),
        )


def _is_decided(stream: AccountState, unit: Unit, asked: Asked, public: str) -> bool:
    """Return whether a review of a request no longer speaks for a send: each run would sign it again.

    A review is signed for once. What ended since, or is another tag now, was decided after it, by a person.
    """
    same = [one for one in approvals_of(stream, unit, asked) if one.unit and one.unit.digest == unit.digest]
    key = normalize_id(unit.id), unit.revision
    is_withdrawn = withdrawal_of(stream, unit.id) is not None and key not in stream.approved
    return is_withdrawn or any(one.key == public or one.ended_by is not None for one in same)


def _what(parts: Iterable[_Part]) -> str:
    count = sum(len(part.units) for part in parts)
    return sends(count) if count else _("the rules")


def _standing(
    context: OnlineContext, state: LedgerState, units: Mapping[str, Iterable[Unit]]
) -> list[tuple[str, str]]:
    """List the ids of sends, each with why it is not approved, or nothing. What was sent is left out.

    Args:
        units: the sends, by AppID; of an account whose sends need no approval they are left out.
    """
    found = list[tuple[str, str]]()
    for appid, account in context.settings.environment.by_appid.items():
        stream = state.stream(appid)
        if (asked := asked_of(context.settings, account, stream)) is not None:
            for unit in _not_made(stream, units.get(appid, ())):
                why, _hint = lack_words(approval_of(stream, unit, asked), unit, "")
                found.append((unit.id, why))
    return found


def _not_made(stream: AccountState, units: Iterable[Unit]) -> Iterator[Unit]:
    made = {
        (normalize_id(name), one.revision)
        for one in stream.all_sends()
        if one.fate not in (Fate.NOT_SENT, Fate.REJECTED)
        for name in (one.send, list_id(one.send))
    }
    return (unit for unit in units if (normalize_id(unit.id), unit.revision) not in made)


def _in_force(context: OnlineContext, state: LedgerState, accounts: Mapping[str, Account]) -> set[str]:
    """Return the ids of sends that were not made and that somebody approved, be it enough or not."""
    found = set[str]()
    for appid, account in accounts.items():
        stream = state.stream(appid)
        if (asked := asked_of(context.settings, account, stream)) is not None:
            newest = (Unit(*rows[-1][1]) for rows in stream.approved.values())
            for unit in _not_made(stream, newest):
                if any(one.ended_by is None for one in approvals_of(stream, unit, asked)):
                    found.add(unit.id)
    return found


def _would_be_sent(context: OnlineContext, names: Sequence[str]) -> str:
    listed = first_of([*names], MOST_NAMED) or _("nothing")
    line = _("{environment}: approved, and sent by `campaign apply` at their times: {sends}.")
    return line.format(environment=context.settings.environment.name, sends=listed)


def _asking_elsewhere(context: OnlineContext) -> list[str]:
    """List the other environments that ask for approvals: one of them may have been meant."""
    return [one.name for one in context.settings.other_environments if one.asks_approval]


def _stale_error(what: str) -> StalePlanError:
    return StalePlanError(what, hint=_("make a new plan of this checkout, then approve that"))


# --- the key of a person -----------------------------------------------------------------------


def _make_key(context: OnlineContext) -> int:
    """Write a new private key for this user alone, and print the public one."""
    path, private = config_folder(os.environ) / KEY_FILE, f"{PRIVATE}{secrets.token_hex(32)}"
    public = public_key(private)
    with file_errors(path):
        if path.exists():
            raise UsageError(
                _("there is a key already: {public}").format(public=public_key(_private_key())),
                hint=_("use it, or move the file away first"),
                location=str(path),
            )
        replace_file(path, f"{private}\n".encode(), private=True)
    message = _(
        "your public key, for `approvals: {{approvers: {{NAME: KEY}}}}` in the settings: {public}\n"
        "your private key is in {path}: it stays on this machine, or becomes the secret {variable} "
        "of a CI job"
    )
    text = message.format(public=public, path=path, variable=APPROVAL_KEY)
    return context.output_sentence(text, public_key=public, file=str(path))


def _private_key() -> str:
    """Read the private key of this CI job, or of this user.

    Raises:
        UsageError: it is missing, or others can read it.
    """
    path, private = config_folder(os.environ) / KEY_FILE, os.environ.get(APPROVAL_KEY, "").strip()
    where = APPROVAL_KEY if private else str(path)
    try:
        private = private or read_own_file(path).strip()
        public_key(private)
    except OSError as error:
        what = _("there is no key to approve with: {reason}").format(reason=system_reason(error))
        hint = _("make your key with `campaign approve --new-key`; a CI job has it in {variable}")
        raise UsageError(what, hint=hint.format(variable=APPROVAL_KEY), location=where) from error
    except ValueError as error:
        what = _("this is not a private key: `private:`, then 64 digits 0-9 a-f")
        hint = _("put your key there; if it is lost, move this away and run `campaign approve --new-key`")
        raise UsageError(what, hint=hint, location=where) from error
    return private


# --- withdraw ----------------------------------------------------------------------------------


@command(
    effect=Effect.LEDGER_RECORD,
    options=(reason_option("Recorded in the ledger."), ACCOUNTS, DIR, ENV),
    examples={
        "campaign withdraw sale --reason '价格有误'": N_("end every approval of a campaign"),
        "campaign withdraw --all --reason '活动取消'": N_("end every approval of the environment"),
    },
)
@click.argument("select", metavar="ID", nargs=-1, shell_complete=campaign_ids)
@ALL
def withdraw(context: OnlineContext, select: tuple[str, ...], everyone: bool, reason: str) -> int:
    """End every approval by which sends would go, whatever plan it came by: they wait until a new one.

    ID is a campaign, a send or an openid list. A plan that was made before can no longer be approved for
    these. A run that is posting finishes the send in hand. To stop an account, use `campaign hold`.
    """
    if bool(select) is everyone:
        raise UsageError(_("the ids are missing, or `--all` is beside them"), hint=_("pass ids or `--all`"))
    state = context.fold_ledger()
    accounts = {one.appid: one for one in context.selected_accounts.values()}
    streams = [(one, state.stream(appid)) for appid, one in accounts.items()]
    if not any(asked_of(context.settings, *one) or open_sends(one[1]) for one in streams):
        others = first_of(_asking_elsewhere(context), MOST_NAMED)
        what, hint = _("environment {name} asks for no approval"), _("pass `--env`: one of {names}")
        raise UsageError(
            what.format(name=context.settings.environment.name),
            hint=hint.format(names=others) if others else _("to stop its sends, use `campaign hold`"),
        )
    ends = dict.fromkeys(accounts) if everyone else _named(context, state, accounts, select)

    def record(appid: str) -> Event:
        data = {"sends": ends[appid], "reason": reason, "actor": context.actor()}
        return context.ledger.append(Entry(stream=appid, kind=LedgerKind.WITHDRAWN, data=data))

    before = _in_force(context, state, accounts)
    done, failed = each_of({accounts[appid].name: appid for appid in ends}, record)
    state = context.fold_ledger()
    newest = {
        appid: [Unit(*rows[-1][1]) for rows in state.stream(appid).approved.values()] for appid in accounts
    }
    left = sorted({name for name, why in _standing(context, state, newest) if not why})
    names = sorted({name for found in ends.values() for name in found or ()})
    environment = context.settings.environment.name
    ended = sorted(before - _in_force(context, state, accounts))
    idle = [name for name in names if not any(stands_for(name, one) for one in ended)]
    told = [(_("{environment}: the approvals of {sends} ended."), ended)] if ended else []
    stopped = [
        one
        for appid, names in ends.items()
        for one in stopped_drafts(
            state.stream(appid), context.clock(), context.settings.environment.env_option
        )
        if names is None or any(stands_for(name, one["send"]) for name in names)
    ]
    idle = [name for name in idle if not any(stands_for(name, one["send"]) for one in stopped)]
    if idle or not (ended or stopped):
        what = _("{environment}: nothing to end: {sends} had no approval; a plan made before now gives none.")
        told.append((what, idle or [_("every send")]))
    said = [what.format(environment=environment, sends=first_of(ids, MOST_NAMED)) for what, ids in told]
    others = _("{environment} is not concerned: there, run the same with `--env {environment}`.")
    lines = [*said, *stopped_lines(stopped)] if done else []
    lines += [_would_be_sent(context, left)]
    lines += [others.format(environment=other) for other in _asking_elsewhere(context)]
    code = context.output_sentence(
        "\n".join(lines),
        accounts=list(done),
        withdrawn=ended,
        handed_over=stopped,
        approved=left,
    )
    return worst_exit_code((show_failed(failed), code))


def _named(
    context: OnlineContext, state: LedgerState, appids: Collection[str], select: Sequence[str]
) -> dict[str, list[str]]:
    """Return the ids in each account that the words on the command line mean.

    Raises:
        UsageError: the ledger and the campaigns know nothing by one of the words.
    """
    accounts = context.settings.environment.accounts
    known = {appid: {*state.stream(appid).ids} for appid in appids}
    for appid, names in known.items():
        names |= {name for name, _revision in state.stream(appid).approved}
    for send in compile_selected(context, ()).sends:
        if (appid := accounts[send.account].appid) in known:
            known[appid].add(send.id)
    ends: dict[str, list[str]] = {}
    for word in map(context.full_id, select):
        found = [appid for appid, names in known.items() if any(stands_for(word, one) for one in names)]
        if not found:
            raise UsageError(
                _("neither the ledger nor the campaigns have the id {name}").format(name=word),
                hint=_("run `campaign plan` to list the sends that wait or are approved"),
            )
        for appid in found:  # of a campaign, also sends that a plan of another branch has
            ends.setdefault(appid, []).append(list_id(word))
    return ends
