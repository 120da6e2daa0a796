"""Write and read a plan file, and tell from it alone what was reviewed and whether it still counts."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from wechat_campaigns.core.digest import PLAN_FORMAT, canonical, plan_digest, sha256
from wechat_campaigns.core.errors import StalePlanError, UsageError
from wechat_campaigns.core.files import write_file
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.ledger.approvals import ApprovalHead, Unit, unit_of
from wechat_campaigns.plan.plan import CALLING, Plan, PlanReason, SendKey
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.source.schema import accepts

MAJOR = PLAN_FORMAT.partition(".")[0]
MAX_BYTES = 64 * 1024 * 1024
PLAN_AGAIN_HINT = N_("make a new plan, have it reviewed, and apply it with its digest")


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Write a plan file: canonical JSON and a final line feed."""
    write_file(path, canonical(data) + b"\n", f"--out {path}")


def read(path: Path) -> dict[str, Any]:
    """Read a plan file.

    Raises:
        UsageError: it is missing, not a plan file, or of another major version.
    """
    hint = _("create it with `campaign plan --out FILE`")
    try:
        raw = path.read_bytes()
        data = json.loads(raw) if len(raw) <= MAX_BYTES else None
        canonical(data)  # half a surrogate pair could be neither compared nor printed
    except FileNotFoundError as error:
        raise UsageError(_("file `{path}` does not exist").format(path=path), hint=hint) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(_("the plan file cannot be read"), hint=hint, location=str(path)) from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, str) and version.partition(".")[0] != MAJOR:
        raise UsageError(
            _("the plan file has format {found}; this version reads {major}.x").format(
                found=version, major=MAJOR
            ),
            hint=_("plan again with the version that will apply it"),
            location=str(path),
        )
    if not isinstance(data, dict) or not _is_plan(data) or not _is_aware(data["expires_at"]):
        raise UsageError(_("this is not a plan file"), hint=hint, location=str(path))
    return dict(data)


def _is_plan(data: dict[str, Any]) -> bool:
    if accepts("plan", data):
        return True
    from wechat_campaigns.source.schema_findings import validator  # costs time, and few plans need it

    return validator("plan").is_valid(data)


def _is_aware(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def with_checksum(data: Mapping[str, Any]) -> dict[str, Any]:
    """Add the fingerprint of all the rest to a plan as data: the audiences, for one, are under no digest."""
    return {**data, "file_sha256": sha256(data)}


def check_whole(data: Mapping[str, Any]) -> None:
    """Refuse a plan file that is not as it was written.

    Raises:
        StalePlanError: says so.
    """
    if not _is_whole(data):
        raise stale_plan_error(_("the plan file was edited after it was written"))


def _is_whole(data: Mapping[str, Any]) -> bool:
    rest = {key: value for key, value in data.items() if key != "file_sha256"}
    try:
        names = [[*key, resolved] for key, resolved in resolved_names(data).items()]
        resolved = None if data["offline"] else sha256(names)
        digests = (sha256(rest), plan_digest(covered_rows(data), data["rules_sha256"]), resolved)
        return digests == (data["file_sha256"], data["plan_digest"], data["resolved_digest"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def check_usable(data: Mapping[str, Any], environment: str, now: datetime) -> None:
    """Refuse a plan file of another environment, and one that has expired.

    Raises:
        StalePlanError: names both environments, or says when.
    """
    if data["environment"] != environment:
        made_for = _("the plan was made for environment {reviewed}, but this is {environment}")
        message = made_for.format(reviewed=data["environment"], environment=environment)
        raise StalePlanError(message, hint=_("pass `--env {name}`").format(name=data["environment"]))
    if now > (ended := expires_at(data)):
        raise stale_plan_error(_("the plan expired {when}").format(when=china_time(ended, now)))


def digest_error(digest: str, expected: str) -> StalePlanError:
    """Return that a plan has another digest than the one that was reviewed."""
    what = _("the digest of the plan is {digest}, expected {expected}")
    return stale_plan_error(what.format(digest=digest, expected=expected))


def stale_plan_error(what: str) -> StalePlanError:
    """Return why a reviewed plan cannot be applied."""
    return StalePlanError(
        _("the reviewed plan cannot be applied: {what}").format(what=what),
        hint=_(PLAN_AGAIN_HINT),
    )


def expires_at(data: Mapping[str, Any]) -> datetime:
    """Read after which moment nothing is sent by a plan file."""
    return datetime.fromisoformat(data["expires_at"])


def horizon(data: Mapping[str, Any]) -> datetime | None:
    """Read until when the review covered what becomes due; None when it set no limit."""
    written = data.get("horizon")
    return datetime.fromisoformat(written) if written else None


def audiences(data: Mapping[str, Any]) -> dict[SendKey, int | None]:
    """Read how many followers each send of a plan file was counted to have."""
    return {row_key(send): send["audience"]["count"] for send in data["sends"] if "account" in send}


def row_key(send: Mapping[str, Any]) -> SendKey:
    """Read the key of a send in a plan file; an invalid campaign has none."""
    return send["account"]["appid"], send["id"], send["revision"]


def filters_of(data: Mapping[str, Any]) -> dict[SendKey, dict[str, Any]]:
    """Read to whom each send goes."""
    return {row_key(send): send["filter"] for send in data["sends"] if "account" in send}


def units(data: Mapping[str, Any], appid: str) -> list[Unit]:
    """List what is approved of an account's sends: a list in batches once."""
    found: dict[tuple[str, int], Unit] = {}
    for send in data["sends"]:
        if send["covered"] and send["account"]["appid"] == appid:
            count = (
                None if "openids" in send["filter"] and "resend" not in send else send["audience"]["count"]
            )
            unit = unit_of(_row(send), send["resolved"], count)
            found[unit.id, unit.revision] = unit
    return [*found.values()]


def is_due(send: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Return whether an apply at the time of the plan makes or resolves a send, once it is approved."""
    if send["action"] != PlanAction.WAITS_FOR_APPROVAL:
        return send["action"] in CALLING | {PlanAction.UNKNOWN}
    opens_at = datetime.fromisoformat(send["not_before"] or data["created_at"])
    return opens_at <= datetime.fromisoformat(data["created_at"])


def waits_for_approval(send: Mapping[str, Any]) -> bool:
    """Return whether no approval covers a send; where none is asked for, one that is due or coming."""
    is_near = send["action"] in CALLING or send["coming"]
    return send["code"] == PlanReason.UNAPPROVED or (is_near and send.get("approval") is None)


def heads(data: Mapping[str, Any]) -> dict[str, ApprovalHead]:
    """Read what an approval of each account's sends names."""
    return {appid: ApprovalHead(**head) for appid, head in data["heads"].items()}


def covered_rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the digest covers of the sends in a plan file."""
    return [_row(send) for send in data["sends"] if send["covered"]]


def _row(send: Mapping[str, Any]) -> dict[str, Any]:
    appid = send["account"]["appid"]
    row = {"appid": appid, **{key: send[key] for key in ("id", "revision", "content_digest", "not_after")}}
    row |= {"by_hand": True} if send.get("by_hand") else {}
    row |= {"batch": send["batch"]} if "batch" in send and "resend" not in send else {}
    return row | (send["resend"] if "resend" in send else {"not_before": send["not_before"]})


def resolved_names(data: Mapping[str, Any]) -> dict[SendKey, dict[str, Any] | None]:
    """Read what the names of each send stood for; None where they were not looked up."""
    return {row_key(send): send["resolved"] for send in data["sends"] if "account" in send}


def unresolved_names(data: Mapping[str, Any], plan: Plan) -> list[str]:
    """Return what was not looked up for a plan file made offline, so that nothing can be compared."""
    names = {name: None for planned in plan.sends for name in planned.resolved_names or ()}
    return list(names) if data["resolved_digest"] is None else []
