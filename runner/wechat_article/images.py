"""An image's bytes → what is wrong with them, and the same picture as WeChat takes it."""

import hashlib
import io
import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from wechat_article.files import ArticleFiles, PictureFile, picture_format
from wechat_article.parts import BODY_IMAGE_BYTES, BODY_IMAGE_FORMATS, IMAGE_BYTES, IMAGE_FORMATS, Remark
from wechat_article.program import _, is_installed, program

MAX_PIXELS = 30_000_000
"""Our own bound: larger pictures take seconds to decode and no phone shows them."""
MEMORY_BYTES = 8 * MAX_PIXELS
"""For which a picture extends the bound of its file: two copies of the largest one."""
_KNOWN = ("jpeg", "png", "gif", "webp", "bmp", "avif", "heic")
# Tried in this order until the file is small enough: widths in pixels, then JPEG quality.
_WIDTHS = (2560, 1920, 1440, 1080, 720, 480, 320)
_QUALITIES = (88, 80, 70)
_ORIENTATION, _GPS = 0x0112, 0x8825
_FIRST_TURNED = 5  # orientations 5 to 8 exchange width and height
_NOT_CONVERTIBLE = {"image-animated", "image-pixels"}


@dataclass(frozen=True, slots=True)
class ImageUse:
    """What WeChat takes of an image, by where it goes."""

    formats: tuple[str, ...]
    under_bytes: int


BODY = ImageUse(BODY_IMAGE_FORMATS, BODY_IMAGE_BYTES)
"""`media/uploadimg`; a GIF goes as material. Source: uploadimage, read 2026-11; what tools do with GIF."""
MATERIAL = ImageUse(IMAGE_FORMATS, IMAGE_BYTES)
"""`material/add_material`: covers and picture posts. Source: addMaterial ("10 MB"), read 2026-11."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInspection:
    """The faults of an image, and its size in pixels as it is shown; 0 when it cannot be decoded."""

    faults: tuple[Remark, ...]
    width: int = 0
    height: int = 0
    is_animated: bool = False

    @property
    def is_convertible(self) -> bool:
        """Whether something is wrong with the image, and `convert_bytes` corrects all of it."""
        rules = {fault.rule for fault in self.faults}
        return bool(rules and self.width) and not self.is_animated and not rules & _NOT_CONVERTIBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPicture:
    """A picture as it will be uploaded, and what it looks like."""

    file: PictureFile
    inspection: ImageInspection
    note: str = ""
    """How it was converted, for people; empty when it was not."""


_known: dict[tuple[str, ImageUse, bool, str], PreparedPicture] = {}
"""By SHA-256 of the file, its use, whether it may be converted, the language of its faults.

Many articles show the same logo; what is known of a picture takes a few hundred bytes.
"""


def prepare(file: PictureFile, files: ArticleFiles, use: ImageUse, *, convert: bool) -> PreparedPicture:
    """Inspect a picture, and convert it where that is wanted and mends it.

    Args:
        file: as it is in the folder.
    """
    key = file.sha256, use, convert, program().language()
    found = _known.get(key)
    if found is None:
        found = _known[key] = _prepared(file, files.data(file.path), use, convert)
    return replace(found, file=replace(found.file, path=file.path))


def _prepared(file: PictureFile, data: bytes, use: ImageUse, convert: bool) -> PreparedPicture:
    inspection = inspect_image(data, file.format, use)
    if not (convert and inspection.is_convertible):
        return PreparedPicture(file=file, inspection=inspection)
    data, kind, note = convert_bytes(data, use)
    sha256 = hashlib.sha256(data).hexdigest()
    file = replace(file, sha256=sha256, size_bytes=len(data), format=kind, converted=True)
    return PreparedPicture(file=file, inspection=inspect_image(data, kind, use), note=note)


def converted_bytes(data: bytes, sha256: str) -> bytes | None:
    """Mend an image again, the way `prepare` did; None when that does not give the bytes of `sha256`."""
    try:
        for use in (BODY, MATERIAL):
            result, *_more = convert_bytes(data, use)
            if hashlib.sha256(result).hexdigest() == sha256:
                return result
    except MemoryError:
        raise
    except Exception:  # noqa: S110 - as in `inspect_image`; then it is another file
        pass
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings about large pictures and odd EXIF data from the user: we judge both."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@_quiet()
def inspect_image(data: bytes, image_format: str, use: ImageUse = BODY) -> ImageInspection:
    """Decode an image and find what would keep WeChat from taking it, or spoil it on phones.

    Args:
        image_format: what its magic bytes say, as in `PictureFile.format`.

    Source: uploadimage, read 2026-11.
    """
    if image_format not in _KNOWN:
        what = (
            _("the image is an SVG")
            if image_format == "svg"
            else _("the file is not an image in a known format")
        )
        return ImageInspection(faults=(Remark("image-format", what, _("export it as PNG or JPEG")),))
    if image_format == "heic" and not is_installed("pillow_heif"):
        what = _("the image is HEIC, the format of iPhones, which WeChat does not accept")
        hint = _("export it as JPEG; or {install}, and set `articles: {{fix_images: true}}`").format(
            install=program().advise_install("heic")
        )
        return ImageInspection(faults=(Remark("image-format", what, hint),))
    program().extend(1, MEMORY_BYTES)
    try:
        image = _open(data)
        faults = (*_pixel_faults(image), *_byte_faults(data, image_format, use))
        width, height = _display_size(image)
        is_animated = bool(getattr(image, "is_animated", False))
    except Image.DecompressionBombError:
        return ImageInspection(faults=(_too_many_pixels(),))
    except MemoryError:
        raise
    except Exception:  # a broken file makes Pillow raise whatever its reader stumbled over
        broken = Remark("image-broken", _("the image cannot be decoded"), _("export it again"))
        return ImageInspection(faults=(broken,))
    return ImageInspection(faults=faults, width=width, height=height, is_animated=is_animated)


@_quiet()
def convert_bytes(data: bytes, use: ImageUse = BODY) -> tuple[bytes, str, str]:
    """Convert and shrink an image to what WeChat takes; the same bytes give the same bytes.

    Args:
        data: an image in which `inspect_image` finds nothing unfixable.

    Returns:
        The new bytes, their format, and a note for people (`webp 1,204,331 → jpeg 402,118 bytes`).
        Turned upright, RGB, without EXIF, but with the label of pictures made by AI, which nobody may
        remove; PNG where it has transparency or was drawn, else JPEG.
    """
    program().extend(3, 0)
    image = _open(data)
    source = (image.format or "").lower().replace("heif", "heic")
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    extras = label_options(find_label(image)) | {"icc_profile": profile}
    clear = image.has_transparency_data
    upright = _in_rgb(ImageOps.exif_transpose(image), "RGBA" if clear else "RGB")
    upright.info = {}  # some formats would write what it holds, such as where the picture was taken
    drawn = source in ("png", "gif", "bmp")
    attempts = _attempts(upright, png=clear or drawn, jpeg=not clear, extras=extras)
    result, result_format = _first_small(attempts, use.under_bytes)
    note = _("{source} {before:,} → {format} {after:,} bytes").format(
        source=source, before=len(data), format=result_format, after=len(result)
    )
    return result, result_format, note


def _in_rgb(image: Image.Image, mode: str) -> Image.Image:
    """Convert the colours of print by the profile of the picture; without one, as Pillow does."""
    profile = image.info.get("icc_profile")
    if image.mode == "CMYK" and profile:
        with suppress(ImageCms.PyCMSError):
            srgb = ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, io.BytesIO(profile), srgb, outputMode="RGB") or image
    return image.convert(mode)


def _display_size(image: Image.Image) -> tuple[int, int]:
    turned = image.getexif().get(_ORIENTATION, 1) >= _FIRST_TURNED
    return (image.height, image.width) if turned else image.size


def _byte_faults(data: bytes, image_format: str, use: ImageUse) -> Iterator[Remark]:
    if image_format not in use.formats:
        taken = _(" and ").join(name.upper() for name in use.formats)
        what = _("WeChat accepts {formats} here, but this is {format}")
        what = what.format(formats=taken, format=image_format.upper())
        hint = _("export it as PNG or JPEG, or set `articles: {fix_images: true}`")
        yield Remark("image-format", what, hint)
    use = MATERIAL if image_format == "gif" else use
    if len(data) >= use.under_bytes:
        what = _("the image has {count:,} bytes; WeChat accepts fewer than {most:,} here")
        what = what.format(count=len(data), most=use.under_bytes)
        hint = _("make it smaller, or set `articles: {fix_images: true}`")
        yield Remark("image-size", what, hint)


def _first_small(attempts: Iterator[tuple[bytes, str]], under_bytes: int) -> tuple[bytes, str]:
    attempt = next(attempts)
    while len(attempt[0]) >= under_bytes and (following := next(attempts, None)) is not None:
        attempt = following
    return attempt


def _attempts(
    image: Image.Image, *, png: bool, jpeg: bool, extras: dict[str, object]
) -> Iterator[tuple[bytes, str]]:
    if png:
        yield _save(image, "PNG", optimize=True, **extras), "png"
    if jpeg:
        for quality in _QUALITIES:
            yield _save(image, "JPEG", quality=quality, optimize=True, **extras), "jpeg"
    for width in _WIDTHS:
        if width < image.width:
            small = image.resize(
                (width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS
            )
            kind = "JPEG" if jpeg else "PNG"
            yield _save(small, kind, quality=_QUALITIES[0], optimize=True, **extras), kind.lower()


def _pixel_faults(image: Image.Image) -> Iterator[Remark]:
    if image.width * image.height > MAX_PIXELS:
        yield _too_many_pixels()
        return
    image.load()
    if getattr(image, "is_animated", False) and image.format != "GIF":
        yield Remark("image-animated", _("the image is animated"), _("save it as GIF, or use a still frame"))
    if image.mode == "CMYK":
        what = _("the image is CMYK (for print); phones show the wrong colours")
        hint = _("export it as RGB, or set `articles: {fix_images: true}`")
        yield Remark("image-cmyk", what, hint)
    yield from _exif_faults(image)


def _too_many_pixels() -> Remark:
    what = _("the image has more than {most:,} pixels in total").format(most=MAX_PIXELS)
    return Remark("image-pixels", what, _("make it smaller: a width of 1080 pixels is enough"))


def _exif_faults(image: Image.Image) -> Iterator[Remark]:
    exif = image.getexif()
    if exif.get(_ORIENTATION, 1) != 1:
        what = _("the image is stored rotated; some phones show it sideways")
        hint = _("save it upright, or set `articles: {fix_images: true}`")
        yield Remark("image-turned", what, hint, level="warning")
    if exif.get_ifd(_GPS):
        what = _("the image records where it was taken")
        hint = _("remove its EXIF data, or set `articles: {fix_images: true}`")
        yield Remark("image-location", what, hint, level="warning")


def _open(data: bytes) -> Image.Image:
    if picture_format(data) == "heic":
        import pillow_heif  # an extra, and slow to load

        pillow_heif.register_heif_opener()
        return Image.open(io.BytesIO(data), formats=("HEIF",))
    return Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF"))


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **{name: value for name, value in options.items() if value is not None})
    return target.getvalue()


# --- the label of pictures made by AI -----------------------------------------------------------
# Nobody may remove it (人工智能生成合成内容标识办法, article 10). Only the label is carried over: other
# metadata may say where a picture was taken.


LABEL_NAMESPACE: Final = "http://www.tc260.org.cn/ns/AIGC/1.0/"
"""Of XMP. Source: GB 45438-2025, and what tools write, read 2026-11."""
LABEL_KEY: Final = "AIGC"
MAX_LABEL_CHARS: Final = 10_000
_MAX_XMP_BYTES: Final = 1_000_000
_USER_COMMENT, _EXIF_IFD = 0x9286, 0x8769
_LABEL = re.compile(r"\{.*\}", re.DOTALL)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    f'xmlns:TC260="{LABEL_NAMESPACE}"><TC260:{LABEL_KEY}>{{label}}</TC260:{LABEL_KEY}></rdf:Description>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def find_label(image: Image.Image) -> str:
    """Return the label of a picture, as it is written there; empty without one."""
    # Pillow gives a text chunk of a PNG by its name.
    candidates = (_of_xmp(image), str(image.info.get(LABEL_KEY) or ""), _of_exif(image))
    return next((label[:MAX_LABEL_CHARS] for label in candidates if label), "")


def label_options(label: str) -> dict[str, object]:
    """Return what `Image.save` must be told to write a label, as JPEG or PNG."""
    if not label:
        return {}
    packet = _PACKET.format(label=escape(label))
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    info.add_itxt(LABEL_KEY, label)
    return {"xmp": packet.encode(), "pnginfo": info}


def _of_xmp(image: Image.Image) -> str:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    data = packet.encode() if isinstance(packet, str) else bytes(packet)
    if LABEL_NAMESPACE.encode() not in data or len(data) > _MAX_XMP_BYTES:
        return ""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    root = etree.fromstring(data.strip(b"\x00 \r\n"), parser)
    for element in () if root is None else root.iter():
        if element.tag == f"{{{LABEL_NAMESPACE}}}{LABEL_KEY}":
            return str(element.xpath("string()")).strip()
        if label := element.attrib.get(f"{{{LABEL_NAMESPACE}}}{LABEL_KEY}"):
            return str(label)
    return ""


def _of_exif(image: Image.Image) -> str:
    """Read an EXIF comment that is a label: JSON with the key `AIGC`, or that of a label."""
    comment = image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    text = comment[8:].decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment or "")
    found = _LABEL.search(text[:MAX_LABEL_CHARS])
    try:
        value = json.loads(found[0]) if found else None
    except ValueError:
        return ""
    label = value.get(LABEL_KEY, value) if isinstance(value, dict) else None
    if not isinstance(label, dict) or "Label" not in label:
        return ""
    return json.dumps(label, ensure_ascii=False)
