"""The parameters of a classic send form in, the text of a campaign file out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from wechat_campaigns.core.content import Content, Msgtype
from wechat_campaigns.messages import PLACEHOLDERS, Articles, Text
from wechat_campaigns.messages.articles import TITLE_PLACEHOLDER
from wechat_campaigns.source.schemas.store import schema

_PLAIN = re.compile(r"(?!(?:yes|no|on|off|true|false|null|y|n)$)[^\W\d_][\w-]*", re.IGNORECASE)
"""What YAML reads as text without quotes, whatever its version."""

_TEMPLATE_MARK = re.compile(r"\{(?=[{%#])")

SAMPLES = (*PLACEHOLDERS, "有一场小活动，欢迎来坐坐")
"""What a new file, and the first campaign of `init`, say in place of texts: made to be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaffoldOptions:
    """What a new campaign begins with; None where nothing was said."""

    id: str
    kind: type[Content] = Text
    tag: str | None = None
    to_all: bool = False
    openids: str | None = None
    """The file of a list, relative to the campaign's folder."""
    draft: str | None = None
    """The title of a draft of the console, in place of a kind."""

    @property
    def has_article(self) -> bool:
        """Whether an article is written beside it."""
        return self.kind is Articles and self.draft is None

    @property
    def asset(self) -> str | None:
        """What its author has to add: a file, or a pattern of files, below the campaigns folder."""
        return f"{self.id}/{self.kind.asset}" if self.kind.asset and self.draft is None else None


def modeline(file: PurePosixPath) -> str:
    """Write the comment by which an editor finds the schema; `file` is relative to the campaigns folder."""
    return f"# yaml-language-server: $schema={'../' * len(file.parts)}schema/campaign.schema.json"


def campaign_text(wanted: ScaffoldOptions) -> str:
    """Write a new campaign; without a recipient it names a tag to be filled in."""
    recipients = f"tag: {_scalar(wanted.tag or '会员')}"
    if wanted.openids is not None:
        recipients = f"openids: {{file: {_scalar(wanted.openids)}}}"
    elif wanted.to_all:
        recipients = "is_to_all: true"
    if wanted.draft is not None:
        content = f"content:\n  draft: {_scalar(literal(wanted.draft))}\n"
        return _file(wanted.id, content, recipients=recipients)
    themes = _theme_comment() if wanted.kind is Articles else ""
    content = _content(wanted.id, wanted.kind) + themes
    return _file(wanted.id, content, recipients=recipients, msgtype=wanted.kind.msgtype)


def article_campaign_text(id_: str, *, title: str, cover: str | None) -> str:
    """Write the campaign of an article that was imported.

    Args:
        title: the page's; a placeholder stands in for a missing one.
        cover: the name of a picture in its folder.
    """
    content = _content(id_, Articles)
    content = content.replace("article.md", "article.html").replace("cover.jpg", cover or "cover.jpg")
    if title:
        content = content.replace(TITLE_PLACEHOLDER, _scalar(title))
    return _file(id_, content)


def pulled_campaign_text(id_: str, content: Mapping[str, Any]) -> str:
    """Write the campaign of a draft that was pulled.

    Args:
        content: plain data under `articles` or `newspic`; its texts are not templates.
    """
    lines = "\n".join(_block(content, "  "))
    return _file(id_, f"content:\n{lines}\n")


def _file(id_: str, content: str, *, recipients: str = "tag: 会员", msgtype: Msgtype = Msgtype.MPNEWS) -> str:
    line = modeline(PurePosixPath(f"{id_}.yaml"))
    return f"{line}\nfilter:\n  {recipients}\nmsgtype: {msgtype}\n{content}ready: false\n"


def literal(text: str) -> str:
    """Write a text as a template that gives it."""
    return _TEMPLATE_MARK.sub("{{ '{' }}", text)


def _block(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Write plain data as YAML: lists of objects in blocks, objects with one text on a line."""
    for key, item in value.items():
        if isinstance(item, list):
            yield f"{indent}{key}:"
            for one in item:
                first, *rest = _block(one, f"{indent}    ")
                yield from (f"{indent}  - {first.strip()}", *rest)
        elif isinstance(item, Mapping) and len(item) == 1:
            ((name, text),) = item.items()
            yield f"{indent}{key}: {{{name}: {_scalar(literal(text))}}}"
        elif isinstance(item, Mapping):
            yield f"{indent}{key}:"
            yield from _block(item, f"{indent}  ")
        else:
            yield f"{indent}{key}: {'true' if item is True else _scalar(literal(item))}"


def _content(id_: str, kind: type[Content]) -> str:
    return kind.scaffold.replace("{name}", PurePosixPath(id_).name)


def _theme_comment() -> str:
    """Return the themes that a Markdown article may have, as the schema does."""
    names = schema("campaign")["definitions"]["article"]["properties"]["theme"]["examples"]
    return f"      # theme: {names[0]}，可选 {'、'.join(names)}\n"


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
