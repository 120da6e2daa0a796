"""One planned send and its testers in, one real message to each out, remembered by its digest."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import CampaignError, UsageError, WeChatError, reporting_unrecorded
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import did_you_mean
from wechat_campaigns.core.redact import OPENID
from wechat_campaigns.core.settings import Tester
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.send import preparing
from wechat_campaigns.send.posting import AccountWriter
from wechat_campaigns.wechat import payloads

PER_DAY = 100
"""Previews of one account. Source: preview, read 2026-11 (by WeChat name; by openid as reported)."""
LONGEST_WXNAME = 20
_WXNAME = re.compile(r"[A-Za-z0-9][-_A-Za-z0-9]{4,19}")
"""A WeChat ID: 6 to 20 characters, a letter first; old ones may be shorter, or a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who receives a preview."""

    name: str
    """The alias; of a tester outside the settings what a message may call it: an id is private."""
    body: Mapping[str, str]
    """In WeChat's words: `{"towxname": …}` or `{"touser": …}`; kept only as a hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewResult:
    """What became of the previews of one send."""

    notes: tuple[str, ...]
    """What is good to know about the draft shown."""
    errors: Mapping[str, CampaignError]
    """By the recipient's name: those that were not, or perhaps not, delivered."""


def recipients(names: Sequence[str], testers: Mapping[str, Tester]) -> tuple[Recipient, ...]:
    """Return who is meant by aliases of testers, WeChat IDs and openids.

    Raises:
        UsageError: a name has another form; the message does not repeat an openid.
    """
    found = (_recipient(name, testers, number) for number, name in enumerate(names, 1))
    unique: dict[tuple[tuple[str, str], ...], Recipient] = {}
    for one in found:
        unique.setdefault(tuple(one.body.items()), one)
    return tuple(unique.values())


def _recipient(name: str, testers: Mapping[str, Tester], number: int) -> Recipient:
    if (tester := testers.get(name)) is not None:
        body = {"touser": tester.openid} if tester.openid is not None else {"towxname": tester.wxname or name}
        return Recipient(name=name, body=body)
    unnamed = _("tester {number}").format(number=number)
    if OPENID.fullmatch(name):
        return Recipient(name=unnamed, body={"touser": name})
    if _WXNAME.fullmatch(name):
        return Recipient(name=unnamed, body={"towxname": name})
    hint = _("pass a WeChat ID (微信号), or add the tester to `testers` of the settings")
    raise UsageError(
        _("`{name}` is not a tester of the settings, a WeChat ID or an openid").format(
            name=name if len(name) <= LONGEST_WXNAME else unnamed
        ),
        hint=did_you_mean(name, testers, otherwise=hint),
    )


def preview(planned: PlannedSend, to: Sequence[Recipient], account: AccountWriter) -> PreviewResult:
    """Upload what is needed, send a preview to each, record it.

    Raises:
        UsageError: a material name of it has no media_id.
        PolicyError, WeChatError: its draft was edited, or is not what was meant; an upload failed.
        LedgerError: it could not be recorded; its message says so if the preview was sent.

    Source: preview, read 2026-11.
    """
    ids, draft = preparing.prepare(planned, account)
    body = payloads.preview_body(planned.send, ids=ids, draft_media_id=draft.media_id if draft else None)
    errors: dict[str, CampaignError] = {}
    for one in to:
        try:
            with preparing.forgetting(planned, account):
                account.api.mass_preview({**body, **one.body})
        except WeChatError as error:  # the next tester may be a follower where this one is not
            errors[one.name] = error
            continue
        data = {
            "send": planned.send.id,
            "revision": planned.send.revision,
            "content_digest": planned.content_digest,
            "to": sha256(dict(one.body)),
        }
        with reporting_unrecorded(_("the preview was sent")):
            account.record(LedgerKind.PREVIEW, data)
    return PreviewResult(notes=draft.notes if draft is not None else (), errors=errors)
