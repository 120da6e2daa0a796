"""An article's images: found, checked by their bytes, mended on request, replaced by placeholders."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import unquote

from lxml.html import HtmlElement
from PIL import Image, ImageOps

from runner.article.allow import IMAGE_PREFIXES, PLACEHOLDER_SCHEME
from runner.article.dom import elements, line_of, remove
from runner.article.parts import ArticleFiles, Findings
from runner.errors import StalePlanError
from runner.files import FileError
from runner.model import ArticleOptions, BodyImage, FileInfo

MAX_BYTES = 1_000_000
"""Source: uploadimage ("jpg/png only, under 1 MB"), read 2026-11."""
MAX_PIXELS = 30_000_000
"""Our own bound: larger pictures take seconds to decode and no phone shows them."""
_FORMATS = ("jpeg", "png")
# Tried in this order until the file is small enough: widths in pixels, then JPEG quality.
_WIDTHS = (2560, 1920, 1440, 1080, 720)
_QUALITIES = (88, 80, 70)
_ORIENTATION, _GPS = 0x0112, 0x8825


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with an image's bytes; a `fixable` one goes away through `fixed`."""

    rule: str
    what: str
    remedy: str
    fixable: bool = False
    warning: bool = False


def resolve(
    root: HtmlElement,
    *,
    file: PurePosixPath,
    files: ArticleFiles,
    options: ArticleOptions,
    findings: Findings,
) -> tuple[BodyImage, ...]:
    """Replace the `src` of every image below `root` by a placeholder.

    Args:
        root: the article's tree; each image gains `data-w` (pixels) and `data-ratio`.
        file: the article's file, which image paths are relative to.
        files: where images are read.
        options: whether to mend what can be mended.
        findings: collects what is wrong; an image that cannot be used is removed.

    Returns:
        The images in order of appearance, each once.
    """
    found: dict[str, BodyImage] = {}
    for image in [element for element in elements(root) if element.tag == "img"]:
        _check_alt(image, findings)
        src = (image.get("src") or "").strip()
        if src.startswith(IMAGE_PREFIXES[1:]):
            continue
        body_image = _load(image, unquote(src), file=file, files=files, options=options, findings=findings)
        if body_image is None:
            remove(image)
            continue
        image.set("src", body_image.placeholder)
        found.setdefault(body_image.placeholder, body_image)
    return tuple(found.values())


def mended_bytes(data: bytes, file: FileInfo) -> bytes:
    """Mend an image again, the way `resolve` did.

    Args:
        data: the file's own bytes.
        file: the mended image, as `resolve` described it.

    Raises:
        StalePlanError: when the result does not have the sha256 that was planned.
    """
    try:
        mended, _, _ = fixed(data)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        mended = b""
    if _sha256(mended) != file.sha256:
        raise StalePlanError(
            "the file is not the one that was planned",
            where=str(file.path),
            remedy="run `campaign plan` again",
        )
    return mended


def check(data: bytes, image_format: str) -> Iterator[Fault]:
    """Find what would keep `media/uploadimg` from taking an image.

    Args:
        data: the file's bytes.
        image_format: what its magic bytes say, as in `FileInfo.format`.

    Source: uploadimage, read 2026-11.
    """
    if image_format not in ("jpeg", "png", "gif", "webp", "bmp"):
        yield Fault(
            rule="image-format",
            what=f"the image is {'an SVG' if image_format == 'svg' else 'of a kind we do not know'}",
            remedy="export it as PNG or JPEG",
        )
        return
    try:
        image = _open(data)
        yield from _check_pixels(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        yield Fault(
            rule="image-broken", what="the image cannot be decoded", remedy="export it again as PNG or JPEG"
        )
        return
    if image_format not in _FORMATS:
        yield Fault(
            rule="image-format",
            what=f"WeChat takes JPEG and PNG in articles, this is {image_format.upper()}",
            remedy="export it as PNG or JPEG, or set `articles: {fix_images: true}`",
            fixable=True,
        )
    if len(data) >= MAX_BYTES:
        yield Fault(
            rule="image-size",
            what=f"the image has {len(data):,} bytes; WeChat takes less than {MAX_BYTES:,} in articles",
            remedy="make it smaller, or set `articles: {fix_images: true}`",
            fixable=True,
        )


def fixed(data: bytes) -> tuple[bytes, str, str]:
    """Convert and shrink an image to what `media/uploadimg` takes; the same bytes give the same bytes.

    Args:
        data: an image that `check` finds nothing unfixable in.

    Returns:
        The new bytes, their format, and a note for people (`webp 1,204,331 → jpeg 402,118 bytes`).
        Turned upright, without EXIF, RGB; PNG where it has transparency or was drawn, else JPEG.
    """
    image = _open(data)
    source = (image.format or "").lower()
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    clear = image.has_transparency_data
    upright = ImageOps.exif_transpose(image).convert("RGBA" if clear else "RGB")
    drawn = source in ("png", "gif", "bmp")
    attempts = _attempts(upright, png=clear or drawn, jpeg=not clear, profile=profile)
    result, result_format = _first_small(attempts)
    note = f"{source} {len(data):,} → {result_format} {len(result):,} bytes"
    return result, result_format, note


def _first_small(attempts: Iterator[tuple[bytes, str]]) -> tuple[bytes, str]:
    attempt = next(attempts)
    while len(attempt[0]) >= MAX_BYTES and (following := next(attempts, None)) is not None:
        attempt = following
    return attempt


def _attempts(
    image: Image.Image, *, png: bool, jpeg: bool, profile: bytes | None
) -> Iterator[tuple[bytes, str]]:
    if png:
        yield _save(image, "PNG", optimize=True, icc_profile=profile), "png"
    if jpeg:
        for quality in _QUALITIES:
            yield _save(image, "JPEG", quality=quality, optimize=True, icc_profile=profile), "jpeg"
    for width in _WIDTHS:
        if width < image.width:
            small = image.resize(
                (width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS
            )
            kind = "JPEG" if jpeg else "PNG"
            yield _save(small, kind, quality=_QUALITIES[0], optimize=True, icc_profile=profile), kind.lower()
    tiny = ImageOps.contain(image.convert("RGB"), (720, 4096))
    yield _save(tiny, "JPEG", quality=_QUALITIES[-1], optimize=True), "jpeg"


def _load(
    image: HtmlElement,
    path: str,
    *,
    file: PurePosixPath,
    files: ArticleFiles,
    options: ArticleOptions,
    findings: Findings,
) -> BodyImage | None:
    line = line_of(image)
    if not path or path.startswith(("data:", "//")) or "://" in path:
        findings.error(
            "image-address",
            f"the image `{path[:60]}` is not a file of this repository",
            "save it beside the article and write its relative path: WeChat filters outside images",
            line=line,
        )
        return None
    try:
        info = files.info(file, path)
        data = files.data(info.path)
    except FileError as error:
        findings.error("image-file", f"the image `{path[:120]}`: {error.what}", error.remedy, line=line)
        return None
    usable = _judge(info, data, path, options=options, findings=findings, line=line)
    return None if usable is None else _describe(image, usable, data)


def _judge(
    info: FileInfo, data: bytes, path: str, *, options: ArticleOptions, findings: Findings, line: int | None
) -> FileInfo | None:
    faults = list(check(data, info.format))
    mend = options.fix_images and any(fault.fixable for fault in faults)
    for fault in faults:
        if mend and fault.fixable:
            continue
        report = findings.warning if fault.warning else findings.error
        report(fault.rule, f"`{path}`: {fault.what}", fault.remedy, line=line)
    if any(not fault.warning and not (mend and fault.fixable) for fault in faults):
        return None
    if not mend:
        return info
    result, result_format, note = fixed(data)
    findings.warning(
        "image-fixed", f"`{path}` is sent converted: {note}", "look at it in the preview", line=line
    )
    return replace(info, sha256=_sha256(result), size_bytes=len(result), format=result_format)


def _describe(image: HtmlElement, info: FileInfo, data: bytes) -> BodyImage:
    width, height = ImageOps.exif_transpose(_open(data)).size
    image.set("data-w", str(width))
    image.set("data-ratio", f"{height / width:.4g}")
    return BodyImage(placeholder=f"{PLACEHOLDER_SCHEME}:{info.sha256}", file=info)


def _check_alt(image: HtmlElement, findings: Findings) -> None:
    if not (image.get("alt") or "").strip():
        findings.warning(
            "image-alt",
            "the image has no alternative text",
            "say in the brackets what it shows, for readers who cannot see it",
            line=line_of(image),
        )


def _check_pixels(image: Image.Image) -> Iterator[Fault]:
    if image.width * image.height > MAX_PIXELS:
        yield Fault(
            rule="image-pixels",
            what=f"the image is {image.width} × {image.height} pixels; the limit is {MAX_PIXELS:,} in all",
            remedy="make it smaller",
        )
        return
    image.load()
    if getattr(image, "is_animated", False):
        yield Fault(rule="image-animated", what="the image is animated", remedy="use one still picture of it")
    if image.mode == "CMYK":
        yield Fault(
            rule="image-cmyk",
            what="the image is CMYK, made for print; phones show wrong colours",
            remedy="export it as RGB, or set `articles: {fix_images: true}`",
            fixable=True,
        )
    yield from _check_exif(image)


def _check_exif(image: Image.Image) -> Iterator[Fault]:
    exif = image.getexif()
    if exif.get(_ORIENTATION, 1) != 1:
        yield Fault(
            rule="image-turned",
            what="the image is stored turned; some phones show it lying on its side",
            remedy="save it upright, or set `articles: {fix_images: true}`",
            fixable=True,
            warning=True,
        )
    if exif.get_ifd(_GPS):
        yield Fault(
            rule="image-location",
            what="the image says where it was taken",
            remedy="remove its EXIF data, or set `articles: {fix_images: true}`",
            fixable=True,
            warning=True,
        )


def _open(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "GIF", "WEBP", "BMP"))


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **{name: value for name, value in options.items() if value is not None})
    return target.getvalue()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
