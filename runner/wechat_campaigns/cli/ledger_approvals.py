"""Record in the ledger that a plan is approved, or no longer is, for each account that it would send for."""

import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from wechat_campaigns.cli.context import OnlineContext, each_of, show_failed
from wechat_campaigns.cli.options import DIR, ENV, FILE, Effect, reason_option
from wechat_campaigns.cli.registry import command
from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.code_host.merged_requests import approvers_of_run
from wechat_campaigns.core.errors import PolicyError, UsageError, worst_exit_code
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.guard.run import check_ci_run
from wechat_campaigns.ledger.approvals import public_key, sign
from wechat_campaigns.ledger.events import LedgerKind, append_at_end
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.plan import planfile
from wechat_campaigns.plan.hints import START_AGAIN
from wechat_campaigns.protocol.events import EMPTY, Entry, Event

APPROVAL_KEY: Final = "CAMPAIGN_APPROVAL_KEY"


@command(
    effect=Effect.LEDGER_DECISION,
    options=(DIR, ENV),
    examples={
        "campaign ledger approve plan.json": N_("in the job that waited for the reviewers"),
        "campaign ledger approve --new-key": N_("make a key pair, once"),
    },
)
@click.argument("plan_file", type=FILE, required=False)
@click.option("--expect-digest", metavar="DIGEST", help="The digest that was reviewed.")
@click.option("--new-key", is_flag=True, help="Print a new key pair, and where each key goes.")
def approve(context: OnlineContext, plan_file: Path | None, expect_digest: str | None, new_key: bool) -> int:
    """Record that a plan is approved: apply may send it, and later runs need no new approval for it.

    Signs with the secret CAMPAIGN_APPROVAL_KEY, which belongs to `approval_key` in the settings, and reads no
    AppSecret. It records who approved: the reviewers of this run by GitHub or GitLab, else the user who runs
    it. Without `approval_key` nothing is recorded, and the exit code is 0.
    """
    if new_key:
        private = secrets.token_hex(32)
        keys = {"approval_key": public_key(private), APPROVAL_KEY: private}
        message = _("in `_settings.yaml`, of the environment: {public}\nas a secret, nowhere else: {private}")
        public, private = (f"{name}: {key}" for name, key in keys.items())
        return context.output_sentence(message.format(public=public, private=private), **keys)
    if plan_file is None:
        raise UsageError(_("the plan file is missing"), hint=_("pass a file of `campaign plan --out FILE`"))
    if (run := current_run()) is not None:
        check_ci_run(run)
    data, actor = planfile.read(plan_file), context.actor()
    planfile.check_whole(data)
    planfile.check_usable(data, context.settings.environment.name, context.clock())
    digest = data["plan_digest"]
    if expect_digest not in (None, digest):
        raise planfile.digest_error(digest, str(expect_digest))
    accounts = {row["appid"]: row["appid"] for row in planfile.covered_rows(data)}
    private = _private_key(frozenset().union(*map(context.approval_keys, accounts)))
    if not private:
        message = _("the settings have no `approval_key`, so no approval was recorded")
        return context.output_sentence(message, plan_digest=digest, who=[], recorded=[])
    place = f"{context.settings.environment.name}-approval"
    who = (approvers_of_run(run, place) if run is not None else ()) or (actor.get("user", ""),)
    approval = {
        "plan_digest": digest, "environment": context.settings.ledger_scope, "commit": data["commit"],
        "who": list(who), "run": actor.get("run", ""), "at": context.clock().astimezone(UTC).isoformat(),
    }  # fmt: skip
    # A plan file has whole seconds.
    made_by = datetime.fromisoformat(data["created_at"]) + timedelta(seconds=1)

    def record(appid: str) -> bool:
        def entry_after(events: Sequence[Event]) -> Entry:
            newest = max((one.seq for one in events if one.at <= made_by), default=0)
            stream = fold(events, streams=[appid]).stream(appid)
            if (end := stream.end_of_approval(digest, approval["environment"], newest)) is not None:
                what = _("event {number} ({kind}) came after the plan that was reviewed")
                what = what.format(number=end.seq, kind=end.kind)
                raise PolicyError(what, hint=_(START_AGAIN), location=appid)
            seen = planfile.looked_up(data, appid)
            entry = {**approval, "seen": seen, "after": (events[-1].head if events else EMPTY).hash}
            return sign(Entry(stream=appid, kind=LedgerKind.APPROVED, data=entry), private)

        return append_at_end(context.ledger, appid, entry_after)

    recorded, failed = each_of(accounts, record)
    message = ngettext(
        "plan {digest} is approved by {names} for {count:,} account",
        "plan {digest} is approved by {names} for {count:,} accounts",
        len(recorded),
    ).format(digest=digest[:12], names=_(", ").join(who), count=len(recorded))
    code = context.output_sentence(message, plan_digest=digest, who=list(who), recorded=sorted(recorded))
    return worst_exit_code((show_failed(failed), code))


def _private_key(keys: frozenset[str]) -> str:
    """Read the secret that belongs to one of the public keys; empty without any of those."""
    private = os.environ.get(APPROVAL_KEY, "").strip()
    try:
        is_known = not keys or public_key(private) in keys
    except ValueError:
        is_known = False
    if not is_known:
        raise UsageError(
            _("{variable} is not set, or not the private key of `approval_key`").format(
                variable=APPROVAL_KEY
            ),
            hint=_("pass the secret that `campaign ledger approve --new-key` printed beside that key"),
        )
    return private if keys else ""


@command(
    effect=Effect.LEDGER_RECORD,
    options=(reason_option("Recorded in the ledger."), DIR, ENV),
    examples={"campaign ledger withdraw 3f9c21ab77d0 --reason '价格有误'": N_("ask for the plan again")},
)
@click.argument("digest")
def withdraw(context: OnlineContext, digest: str, reason: str) -> int:
    """Record that the approvals of a plan end: apply refuses it until somebody approves it again.

    DIGEST is the plan digest, or how it begins. To stop every send of an account, use `campaign hold`.
    """
    state = context.fold_ledger()
    found = {
        (appid, event.data["plan_digest"]): None
        for appid in context.settings.environment.by_appid
        for event in state.stream(appid).approvals.values()
        if event.data["plan_digest"].startswith(digest)
    }
    if not found or len(digest) < 8:
        raise UsageError(
            _("no approval of a plan {digest} is in the ledger").format(digest=digest),
            hint=_("pass 8 or more digits of the plan digest; `campaign ledger log` lists approvals"),
        )
    for appid, plan_digest in found:
        data = {"plan_digest": plan_digest, "reason": reason, "actor": context.actor()}
        context.ledger.append(Entry(stream=appid, kind=LedgerKind.WITHDRAWN, data=data))
    message = _("{count:,} approvals ended; a run that is posting finishes the send in hand")
    digests = sorted({digest for _appid, digest in found})
    return context.output_sentence(message.format(count=len(found)), withdrawn=digests)
