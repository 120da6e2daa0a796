"""The files of a planned send in, their ids on WeChat out: each file is uploaded once.

Every result is recorded as soon as it is known; a crash between costs one file a second upload, no more.
What WeChat does not know any more is forgotten, so that the next run uploads it again.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from wechat_campaigns.core.content import (
    MATERIAL_ADDRESS,
    MEDIA_UPLOAD,
    UPLOADIMG,
    UPLOADVIDEO,
    FileInfo,
    MediaIds,
    Upload,
)
from wechat_campaigns.core.errors import ApiError, StalePlanError, UsageError
from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.draft_box import MEDIA_ID_INVALID
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.send.posting import AccountWriter

UPLOAD_AGAIN_HINT = N_("run the same command again: it uploads the files of this send again")
"""The hint once they are forgotten."""


def upload(planned: PlannedSend, account: AccountWriter) -> MediaIds:
    """Upload what is missing and name everything.

    Raises:
        ApiError, NotSentError, NoResponseError: an upload failed; nothing was sent.
        StalePlanError: a file changed since it was planned.
    """
    done: dict[str, str] = {}
    material_ids = planned.resolved.material_ids
    for item, reusable in planned.resolved.uploads:
        known = account.state.uploads.get((account.account.appid, item.key))
        # What the plan would reuse may have been forgotten since.
        result = known.result if known and (reusable or item.life is None) else None
        if result is None:
            account.tell(planned.send.id, _progress_message(item))
            result = _upload(item, MediaIds(upload_results=done, material_ids=material_ids), account)
            account.record(LedgerKind.UPLOAD, {"upload": item.key, "result": result})
        done[item.key] = result
    return MediaIds(upload_results=done, material_ids=material_ids)


@contextmanager
def forgetting(planned: PlannedSend, account: AccountWriter) -> Iterator[None]:
    """Forget the uploads of a send when a call of the block finds one of them gone, and pass the error on."""
    try:
        yield
    except ApiError as error:
        if forget_uploads(planned, error.errcode, account):
            error.hint = _(UPLOAD_AGAIN_HINT)
        raise


def forget_uploads(planned: PlannedSend, errcode: int | None, account: AccountWriter) -> bool:
    """Forget what a send's files became, when an errcode says that one of them is gone.

    Somebody deleted it in the console; the answer does not tell which.

    Args:
        errcode: what WeChat answered; only 40007 says it.

    Returns:
        True when there was something to forget.
    """
    appid = account.account.appid
    kept = [item.key for item, _ in planned.resolved.uploads if (appid, item.key) in account.state.uploads]
    if errcode != MEDIA_ID_INVALID:
        return False
    for key in kept:
        account.record(LedgerKind.UPLOAD, {"upload": key, "result": None})
    return bool(kept)


def check_material_names(planned: PlannedSend) -> None:
    """Make sure that every name has its media_id: a send that is not due was not asked about.

    Raises:
        UsageError: one has none.
    """
    content = planned.send.content
    if isinstance(content, Draft) and not content.media_id:
        raise UsageError(
            _("draft {name} was not found, and the send is {action}: {reason}").format(
                name=content.name, action=status_word(planned.action), reason=planned.reason
            ),
            hint=_("run `campaign drafts` for the drafts that there are"),
            location=planned.send.id,
        )
    unnamed = set(planned.send.content.names()) - set(planned.resolved.material_ids)
    if unnamed:
        raise UsageError(
            _("material {name} was not found, and the send is {action}: {reason}").format(
                name=min(name for _kind, name in unnamed),
                action=status_word(planned.action),
                reason=planned.reason,
            ),
            hint=_("use the `media_id` instead of the name, or run this command before the send is made"),
            location=planned.send.id,
        )


def _progress_message(item: Upload) -> str:
    if item.file is None:
        return _("converting the video for a mass message")
    size = max(1, round(item.file.size_bytes / 1024))
    return _("uploading {file}, {size:,} KiB").format(file=item.file.path, size=size)


def _upload(item: Upload, ids: MediaIds, account: AccountWriter) -> str:
    if item.endpoint == UPLOADVIDEO:
        if item.of is None:
            raise AssertionError("a conversion names what it converts")
        source = ids.upload_results[item.of.key]
        return str(account.api.media_uploadvideo(source, item.title, item.description)["media_id"])
    if item.file is None:
        raise AssertionError("an upload without a file is a conversion")
    data = account.workspace.read(item.file)
    if hashlib.sha256(data).hexdigest() != item.file.sha256:
        raise StalePlanError(
            _("the file changed while the plan was applied"),
            hint=_("run the same command again"),
            location=str(item.file.path),
        )
    name = _name(item.file)
    if item.endpoint == UPLOADIMG:
        # WeChat answers with http; phones refuse mixed content, and the host serves both.
        return account.api.media_uploadimg(name, data).replace("http://", "https://", 1)
    if item.endpoint == MATERIAL_ADDRESS:
        return account.api.material_image_url(name, data).replace("http://", "https://", 1)
    if item.endpoint == MEDIA_UPLOAD:
        return str(account.api.media_upload(item.kind, name, data)["media_id"])
    return str(account.api.material_add_material(item.kind, name, data)["media_id"])


def _name(file: FileInfo) -> str:
    """Return the file for WeChat, which goes by the suffix: a mended one by what it has become."""
    return file.path.with_suffix(f".{file.format}").name if file.converted else file.path.name
