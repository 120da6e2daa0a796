"""The `content` of a campaign in, one of the model's content records out, all templates rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from wechat_campaigns.core.diagnostics import KeyPath, Location, json_path
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import (
    Article,
    Articles,
    Content,
    Draft,
    Image,
    Images,
    Mpvideo,
    Msgtype,
    Newspic,
    Text,
    Voice,
    Wxcard,
)
from wechat_campaigns.render.article import build, escape_for
from wechat_campaigns.render.article.parts import AI_STATEMENT, ArticleBody, ArticleFormat, ArticleSource
from wechat_campaigns.render.scope import Scope

_PATH: KeyPath = ("content",)
_FROM_ROOT = PurePosixPath("_settings.yaml")


def render_content(scope: Scope) -> Content:
    """Render a campaign's content to its record, with empty places where there was a problem."""
    return _BUILDERS[scope.campaign.msgtype](scope, scope.campaign.content)


def _text(scope: Scope, raw: Any) -> Text:
    if not isinstance(raw, Mapping):
        return Text(content=scope.text(_PATH, raw))
    path = (*_PATH, "text_file")
    written = scope.text(path, raw["text_file"])
    text = (scope.text_file(path, written) if written else "") or ""
    scope.look_for_unseen(path, text)
    return Text(content=text)


def _mpnews(scope: Scope, raw: Mapping[str, Any]) -> Articles | Newspic | Draft:
    if "media_id" in raw:
        return Draft(media_id=scope.text((*_PATH, "media_id"), raw["media_id"]))
    if "draft" in raw:
        return Draft(title=scope.text((*_PATH, "draft"), raw["draft"]).strip())
    if "newspic" in raw:
        return _newspic(scope, raw["newspic"])
    path = (*_PATH, "articles")
    return Articles(
        articles=tuple(
            _article(scope, (*path, index), article) for index, article in enumerate(raw["articles"])
        )
    )


def _newspic(scope: Scope, raw: Mapping[str, Any]) -> Newspic:
    path = (*_PATH, "newspic")
    text = scope.text((*path, "text"), raw.get("text", ""))
    if raw.get("ai_generated", False):
        text = f"{text}\n{AI_STATEMENT}".strip("\n")
    return Newspic(
        title=scope.text((*path, "title"), raw["title"]),
        text=text,
        images=scope.pictures((*path, "images"), raw["images"]),
    )


def _article(scope: Scope, path: KeyPath, raw: Mapping[str, Any]) -> Article:
    strings = ("author", "digest", "content_source_url", "pic_crop_235_1", "pic_crop_1_1")
    title = scope.text((*path, "title"), raw["title"])
    body = _body(scope, path, raw, title)
    return Article(
        title=title,
        html=body.html,
        images=body.images,
        formulas=body.formulas,
        cover=scope.picture((*path, "cover"), raw["cover"]),
        need_open_comment=raw.get("need_open_comment", False),
        only_fans_can_comment=raw.get("only_fans_can_comment", False),
        **{name: scope.text((*path, name), raw.get(name, "")) for name in strings},
    )


def _body(scope: Scope, path: KeyPath, raw: Mapping[str, Any], title: str) -> ArticleBody:
    """Make HTML of the article's file; return an empty body after a problem."""
    source, path = _source(scope, path, raw, title), (*path, "body")
    body = scope.read(path, partial(build, source)) if source is not None else None
    if source is None or body is None or not scope.sendable(path, body.html):
        return ArticleBody(html="")
    scope.look_for_unseen(path, body.html)
    written = scope.files.text(_FROM_ROOT, str(source.file))
    scope.problems += [
        replace(
            finding, path=json_path(path), location=_line_as_written(finding.location, written, source.text)
        )
        if finding.location.file == source.display_path
        else replace(
            finding,
            path=json_path(path),
            message=_("{fault} (in the theme of the campaign {campaign})").format(
                fault=finding.message, campaign=scope.campaign.id
            ),
        )
        for finding in body.findings
    ]
    return body


def _source(scope: Scope, path: KeyPath, raw: Mapping[str, Any], title: str) -> ArticleSource | None:
    """Read the article's file and render it as a template; None after a problem."""
    body = (*path, "body")
    written = scope.text(body, raw["body"])
    file = scope.read(body, lambda: scope.files.locate(scope.campaign.file, written)) if written else None
    if file is None:
        return None
    kind: ArticleFormat = "html" if written.endswith(".html") else "markdown"  # the schema takes no other
    text = scope.text_file(body, written, escape=escape_for(kind))
    if text is None:
        return None
    return ArticleSource(
        text=text,
        kind=kind,
        file=file,
        title=title,
        ai_generated=raw.get("ai_generated", False),
        theme=scope.text((*path, "theme"), raw["theme"]) if "theme" in raw else None,
        options=scope.options,
        files=scope.files,
        root=scope.root,
    )


def _line_as_written(place: Location, written: str, rendered: str) -> Location:
    """Find a rendered line among those the author wrote; better no line than a wrong one."""
    before, after = written.removesuffix("\n").split("\n"), rendered.split("\n")
    if place.line is None or len(before) == len(after):
        return place
    same = [number for number, line in enumerate(before, 1) if line == after[place.line - 1]]
    return replace(place, line=same[0] if len(same) == 1 else None)


def _image(scope: Scope, raw: Mapping[str, Any]) -> Image | Images:
    if "images" not in raw:
        return Image(media=scope.media(_PATH, raw))
    return Images(
        images=scope.pictures((*_PATH, "images"), raw["images"]),
        title=scope.text((*_PATH, "title"), raw["title"]) if "title" in raw else None,
        recommend=scope.text((*_PATH, "recommend"), raw["recommend"]) if "recommend" in raw else None,
        need_open_comment=raw.get("need_open_comment"),
        only_fans_can_comment=raw.get("only_fans_can_comment"),
    )


def _mpvideo(scope: Scope, raw: Mapping[str, Any]) -> Mpvideo:
    return Mpvideo(
        media=scope.media(_PATH, raw),
        title=scope.text((*_PATH, "title"), raw["title"]),
        description=scope.text((*_PATH, "description"), raw["description"]),
    )


_BUILDERS: dict[Msgtype, Callable[[Scope, Any], Content]] = {
    Msgtype.TEXT: _text,
    Msgtype.MPNEWS: _mpnews,
    Msgtype.VOICE: lambda scope, raw: Voice(media=scope.media(_PATH, raw)),
    Msgtype.IMAGE: _image,
    Msgtype.MPVIDEO: _mpvideo,
    Msgtype.WXCARD: lambda scope, raw: Wxcard(card_id=scope.text((*_PATH, "card_id"), raw["card_id"])),
}
