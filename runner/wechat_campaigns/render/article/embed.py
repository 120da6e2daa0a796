"""The images of an article's tree → placeholders, each picture listed once; faults at their lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lxml.html import HtmlElement

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PLACEHOLDER_SCHEME, BodyImage, FileInfo
from wechat_campaigns.render.article.allow import IMAGE_PREFIXES
from wechat_campaigns.render.article.dom import elements, line_of
from wechat_campaigns.render.article.parts import ArticleSource, Findings
from wechat_campaigns.source.files import FileError

if TYPE_CHECKING:
    from wechat_campaigns.render.article import images


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """A file as it will be uploaded, and what it looks like."""

    info: FileInfo
    data: bytes
    inspection: images.ImageInspection


def resolve(root: HtmlElement, source: ArticleSource, findings: Findings) -> tuple[BodyImage, ...]:
    """Replace the `src` of every image below `root` by a placeholder; list the images in order, each once.

    Args:
        root: the article's tree; each image gains `data-w` (pixels) and `data-ratio`.
        findings: collects what is wrong; an image that cannot be used is removed.
    """
    found: dict[str, BodyImage] = {}
    pictures: dict[str, _Picture | None] = {}
    for image in [element for element in elements(root) if element.tag == "img"]:
        _check_alt(image, findings)
        src = (image.get("src") or "").strip()
        if src.startswith(IMAGE_PREFIXES[1:]):
            continue
        path = unquote(src)
        if pictures.get(path) is None:  # a fault is reported wherever it stands
            picture = _read(image, path, source, findings)
            pictures[path] = picture and _judge(
                picture, image, mend=source.options.fix_images, findings=findings
            )
        usable = pictures[path]
        if usable is None:
            image.drop_tree()
            continue
        body_image = _describe(image, usable)
        found.setdefault(body_image.placeholder, body_image)
    return tuple(found.values())


def _read(image: HtmlElement, path: str, source: ArticleSource, findings: Findings) -> _Picture | None:
    line = line_of(image)
    if not path or path.startswith(("data:", "//")) or "://" in path:
        findings.error(
            "image-address",
            _("the image `{path}` is not a file in this repository").format(path=path[:60]),
            _("save it next to the article and use its relative path: WeChat removes external images"),
            line=line,
        )
        return None
    try:
        info = source.files.info(source.file, path)
        data = source.files.data(info.path)
    except FileError as error:
        findings.error(
            "image-file",
            _("the image `{path}`: {fault}").format(path=path[:120], fault=error.message),
            error.hint,
            line=line,
        )
        return None
    return _inspected(info, data)


def _inspected(info: FileInfo, data: bytes) -> _Picture:
    from wechat_campaigns.render.article import (
        images,  # loads Pillow, which an article without pictures does without
    )

    return _Picture(info=info, data=data, inspection=images.inspect_image(data, info.format))


def _judge(picture: _Picture, image: HtmlElement, *, mend: bool, findings: Findings) -> _Picture | None:
    """Report what is wrong with a picture; return it as it can be sent, or None."""
    from wechat_campaigns.render.article import images

    line, path = line_of(image), picture.info.path.name
    if mend and picture.inspection.is_convertible:
        info, data, note = images.convert_file(picture.info, picture.data, images.BODY)
        picture = _inspected(info, data)
        findings.warning(
            "image-fixed",
            _("`{path}` will be converted before it is sent: {note}").format(path=path, note=note),
            _("check it in the preview"),
            line=line,
        )
    for fault in picture.inspection.faults:
        what = _("`{path}`: {fault}").format(path=path, fault=fault.message)
        findings.add(fault.rule, what, fault.hint, line=line, level=fault.level)
    picture = replace(picture, data=b"")  # megabytes, and needed no more
    return picture if all(fault.level == "warning" for fault in picture.inspection.faults) else None


def _describe(image: HtmlElement, picture: _Picture) -> BodyImage:
    placeholder = f"{PLACEHOLDER_SCHEME}:{picture.info.sha256}"
    image.set("src", placeholder)
    image.set("data-w", str(picture.inspection.width))
    image.set("data-ratio", f"{picture.inspection.height / picture.inspection.width:.4g}")
    return BodyImage(placeholder=placeholder, file=picture.info)


def _check_alt(image: HtmlElement, findings: Findings) -> None:
    if not (image.get("alt") or "").strip():
        findings.warning(
            "image-alt",
            _("the image has no alternative text"),
            _("describe the image in the brackets, for readers who cannot see it"),
            line=line_of(image),
        )
