"""The parameters of a classic send form in, the text of a campaign file out."""

from __future__ import annotations

from pathlib import PurePosixPath

from runner.model import Msgtype

CONTENT = {
    Msgtype.TEXT: "content: |\n  {{ greeting }}，这里写要发的话。\nvars: {greeting: 你好}\n",
    Msgtype.MPNEWS: "content:\n  articles:\n    - title: 标题，不超过 32 字\n"
    "      body: {name}/article.md\n      cover: {{file: {name}/cover.jpg}}\n",
    Msgtype.VOICE: "content:\n  file: {name}/voice.mp3\n",
    Msgtype.IMAGE: "content:\n  images:\n    - file: {name}/1.jpg\n",
    Msgtype.MPVIDEO: "content:\n  file: {name}/video.mp4\n  title: 视频标题\n  description: 视频简介\n",
    Msgtype.WXCARD: "content:\n  card_id: 卡券的 card_id\n",
}
"""What a new file says when no media_id is given; `{name}` is the folder of its assets."""


def modeline(file: PurePosixPath) -> str:
    """Write the comment by which an editor finds the schema; `file` is relative to the campaigns folder."""
    return f"# yaml-language-server: $schema={'../' * len(file.parts)}schema/campaign.schema.json"


def campaign_text(
    file: PurePosixPath, *, msgtype: Msgtype, tag: str | None, tag_id: int | None, media_id: str | None
) -> str:
    """Write a new campaign.

    Args:
        file: where it will stand, relative to the campaigns folder.
        msgtype: the kind of content.
        tag: receivers by tag name, or None.
        tag_id: receivers by tag id, or None; with neither, a name to be filled in.
        media_id: of a draft or material that exists; for wxcard the card_id.
    """
    receivers = f"tag_id: {tag_id}" if tag_id is not None else f"tag: {tag or '会员'}"
    return (
        f"{modeline(file)}\nfilter:\n  {receivers}\nmsgtype: {msgtype}\n{_content(file, msgtype, media_id)}"
    )


def _content(file: PurePosixPath, msgtype: Msgtype, media_id: str | None) -> str:
    if media_id is None or msgtype is Msgtype.TEXT:
        text = CONTENT[msgtype]
        return text if msgtype is Msgtype.TEXT else text.format(name=file.stem)
    key = "card_id" if msgtype is Msgtype.WXCARD else "media_id"
    more = "  title: 视频标题\n  description: 视频简介\n" if msgtype is Msgtype.MPVIDEO else ""
    return f"content:\n  {key}: {media_id}\n{more}"
