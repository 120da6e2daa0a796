"""What reviewers said about a pull or merge request in, whether it may be sent out. No I/O.

The stand-in for an environment's required reviewers, where a plan of GitHub or GitLab has none.
"""

from wechat_campaigns.code_host.ci_run import MergedRequest
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Approvals


def check_approval(commit: str, request: MergedRequest | None, wanted: Approvals, *, branch: str) -> str:
    """Refuse a commit unless it came by a request that enough of the approvers agreed to.

    Args:
        request: the merged request it came by; None when it came without one.

    Returns:
        Who approved it, for the ledger: `#12 by ann, bob`.

    Raises:
        PolicyError: says what is missing.
    """
    if request is None:
        raise approval_error(
            _("commit {commit} reached {branch} without a merged request").format(
                commit=commit[:12], branch=branch
            ),
            _(
                "revert it, then submit the change in a pull or merge request and have it approved; "
                "forbid direct pushes to the branch"
            ),
        )
    # Kept in the ledger, so in English whatever the reader speaks.
    return f"#{request.number} by {', '.join(_approvers(request, wanted))}"


def _approvers(request: MergedRequest, wanted: Approvals) -> list[str]:
    """List the approvals that count, in the order of their names."""
    if not request.is_complete:
        raise approval_error(
            _("#{number} has more commits than the code host lists, so who wrote them is unknown").format(
                number=request.number
            ),
            _("revert it, then submit it again in requests of fewer than 250 commits"),
        )
    eligible = {name.casefold() for name in wanted.approvers}
    against = [name for name in request.changes_requested_by if name.casefold() in eligible]
    if against:
        raise approval_error(
            _("{names} asked for changes in #{number}").format(
                names=_(", ").join(against), number=request.number
            ),
            _("resolve it in that request: an approval by the same person withdraws the request for changes"),
        )
    barred = {name.casefold() for name in (request.author, *request.writers)} if wanted.not_author else set()
    counted = sorted({name.casefold() for name in request.approved_by} & eligible - barred)
    if len(counted) < wanted.count:
        what = _("#{number} has {count} of {wanted} required approvals for its newest commit")
        hint = (
            _(
                "ask one of {names} who is not an author of the request to approve it, then run "
                "this again; approvals given before the last commit do not count"
            )
            if barred & eligible
            else _(
                "ask one of {names} to approve it, then run this again; approvals given before the "
                "last commit do not count"
            )
        )
        raise approval_error(
            what.format(number=request.number, count=len(counted), wanted=wanted.count),
            hint.format(names=_(", ").join(wanted.approvers)),
        )
    return counted


def approval_error(what: str, hint: str) -> PolicyError:
    """Return that something was not approved, and what to do."""
    return PolicyError(_("not approved: {what}").format(what=what), hint=hint, location=_("approvals"))
