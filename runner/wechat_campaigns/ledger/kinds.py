"""Name the kinds of events that the ledger keeps beside those of `protocol`, which alone decide on a call."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from wechat_campaigns.protocol.events import EventKind


class LedgerKind(StrEnum):
    """What else is remembered, and its data; all but a callback carry a `mac`."""

    INIT = "init"  # the ledger, or an account in it, was initialized: {environment}
    GUARD = "guard"  # the rules that an apply goes by: see `plan.policy.rule_changes`
    UPLOAD = "upload"  # uploaded, so not again: {upload, result}; result null: forgotten
    DRAFT = "draft"  # a draft was made: {send, revision, sha256, media_id, stored?, changed?}
    PREVIEW = "preview"  # a tester received it: {send, revision, content_digest, to}
    CALLBACK = "callback"  # WeChat pushed how a job ended: see `wechat.callback`
    STATUS = "status"  # WeChat was asked about a job: {send, revision, msg_id, msg_status}
    RECALL = "recall"  # an article was taken back: {send, revision, msg_id, article_idx}
    CAMPAIGNS_FOLDER = "campaigns_folder"  # which folder uses the ledger: see `ledger.campaigns_folder`
    NOTIFIED = "notified"  # told today, so not again: {day, notices}; see `notify.notices`
    TRUSTED = "trusted"  # a person vouches for the events before it: {after, distrusted: [hash of one], …}


KINDS: Final[Mapping[str, EventKind | LedgerKind]] = {str(kind): kind for kind in (*EventKind, *LedgerKind)}
"""Every kind that this version knows, by its name."""
