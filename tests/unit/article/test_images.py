"""Images are judged by their bytes, and mended the same way each time they are asked for."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from tests.unit.article.making import Make, rules
from wechat_article import images
from wechat_article.images import BODY, MATERIAL, ImageUse, convert_bytes, inspect_image
from wechat_article.parts import BODY_IMAGE_BYTES
from wechat_campaigns.core.errors import StalePlanError
from wechat_campaigns.core.sniff import sniff
from wechat_campaigns.render.articles import convert, image_bytes
from wechat_campaigns.source.files import Files


def _image(kind: str, mode: str = "RGB", size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    target = io.BytesIO()
    Image.new(mode, size, 90).save(target, kind, **options)
    return target.getvalue()


def _noise(side: int, kind: str, mode: str = "RGB") -> bytes:
    """Pixels that no format can shrink; the same ones each time."""
    length = side * side * len(mode)
    blocks = (hashlib.sha256(index.to_bytes(4, "big")).digest() for index in range(length // 32 + 1))
    target = io.BytesIO()
    Image.frombytes(mode, (side, side), b"".join(blocks)[:length]).save(target, kind)
    return target.getvalue()


def _exif(orientation: int = 1, *, gps: bool = False) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    if gps:
        exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes()


def _heic(**options: object) -> bytes:
    pillow_heif.register_heif_opener()
    return _image("HEIF", **options)


def _moving(kind: str = "GIF") -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, kind, save_all=True, append_images=frames[1:])
    return target.getvalue()


SMALL = ("jpeg", "png", "webp", "gif", "bmp", "cmyk", "turned", "located")
CASES: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "jpeg": (lambda: _image("JPEG"), []),
    "png": (lambda: _image("PNG", "RGBA"), []),
    "grey": (lambda: _image("JPEG", "L"), []),
    "webp": (lambda: _image("WEBP"), ["image-format"]),
    "gif": (lambda: _image("GIF", "P"), []),
    "gif that moves": (lambda: _moving(), []),
    "webp that moves": (lambda: _moving("WEBP"), ["image-animated", "image-format"]),
    "avif": (lambda: _image("AVIF"), ["image-format"]),
    "heic": (lambda: _heic(), ["image-format"]),
    "bmp": (lambda: _image("BMP"), ["image-format"]),
    "cmyk": (lambda: _image("JPEG", "CMYK"), ["image-cmyk"]),
    "large": (lambda: _noise(700, "PNG"), ["image-size"]),
    "turned": (lambda: _image("JPEG", exif=_exif(6)), ["image-turned"]),
    "located": (lambda: _image("JPEG", exif=_exif(gps=True)), ["image-location"]),
    "cut": (lambda: _noise(60, "PNG")[:900], ["image-broken"]),
    "not an image": (lambda: b"\x89PNG\r\n\x1a\nhello", ["image-broken"]),
    "empty": (lambda: b"", ["image-format"]),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", ["image-format"]),
    "wide": (lambda: _image("PNG", "1", (30_000, 1_100)), ["image-pixels"]),
    "bomb": (lambda: _image("PNG", "1", (20_000, 20_000)), ["image-pixels"]),
}


@pytest.mark.deep
@pytest.mark.parametrize("name", CASES)
def test_image_faults_are_found_by_its_bytes(name: str) -> None:
    data, expected = CASES[name][0](), CASES[name][1]
    assert [fault.rule for fault in inspect_image(data, sniff(data)).faults] == expected


@pytest.mark.parametrize("name", ["webp", "avif", "heic", "bmp", "cmyk", "large", "turned", "located"])
def test_converted_image_has_no_fault(name: str) -> None:
    data = CASES[name][0]()
    result, kind, note = convert_bytes(data)
    assert inspect_image(result, sniff(result)).faults == ()
    assert sniff(result) == kind
    assert len(result) < BODY_IMAGE_BYTES
    assert not Image.open(io.BytesIO(result)).getexif()
    assert convert_bytes(data) == (result, kind, note)


@pytest.mark.deep
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_bytes_are_an_image_or_a_fault(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([CASES[name][0]() for name in SMALL] + [_moving()])))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, min(len(whole), 160) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.integers(8, len(whole)))])
    inspection = inspect_image(damaged, sniff(damaged))
    assert all(fault.message and fault.hint for fault in inspection.faults)
    if inspection.is_convertible:
        assert convert_bytes(damaged)[1] in ("jpeg", "png")


def _mended(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(convert_bytes(data)[0]))


def test_conversion_keeps_what_is_seen_and_drops_where_it_was_taken() -> None:
    for data in (_image("WEBP", "RGBA"), _noise(700, "PNG", "RGBA")):
        assert (_mended(data).format, _mended(data).mode) == ("PNG", "RGBA")
    assert _mended(_image("JPEG", exif=_exif(6))).size == (40, 60), "it is set upright"
    heic = inspect_image(_heic(exif=_exif(6)), "heic")
    assert _mended(_heic(exif=_exif(6))).size == (heic.width, heic.height)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert _mended(_image("WEBP", icc_profile=profile)).info["icc_profile"] == profile
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        data = _image("WEBP" if mode in ("RGB", "RGBA") else "PNG", mode)
        result, kind, _note = convert_bytes(data)
        assert inspect_image(result, kind).faults == ()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a GPSLatitude="30,15N"/></x:xmpmeta>'
    for kind in ("JPEG", "WEBP", "AVIF"):
        assert b"GPSLatitude" not in convert_bytes(_image(kind, xmp=xmp))[0]


def test_animation_cut_in_its_second_frame_is_a_fault() -> None:
    whole = _moving()
    rules = {fault.rule for end in range(len(whole)) for fault in inspect_image(whole[:end], "gif").faults}
    assert rules <= {"image-broken"}


@pytest.mark.parametrize(
    ("name", "rules"), [("gif", []), ("bmp", []), ("large", []), ("webp", ["image-format"]),
                        ("cmyk", ["image-cmyk"]), ("located", ["image-location"])],
)  # fmt: skip
def test_material_takes_more_than_articles_do(name: str, rules: list[str]) -> None:
    data = CASES[name][0]()
    assert [fault.rule for fault in inspect_image(data, sniff(data), MATERIAL).faults] == rules


@pytest.mark.deep
def test_large_cover_keeps_its_size(tmp_path: Path) -> None:
    noise = Image.open(io.BytesIO(_noise(1400, "PNG"))).convert("RGB")
    target = io.BytesIO()
    noise.save(target, "JPEG", quality=95, exif=_exif(gps=True))
    (tmp_path / "cover.jpg").write_bytes(target.getvalue())
    files = Files(tmp_path)
    info, _ = convert(files.info(PurePosixPath("news.yaml"), "cover.jpg"), files)
    assert info.size_bytes > BODY_IMAGE_BYTES
    assert hashlib.sha256(image_bytes(info, files)).hexdigest() == info.sha256


def test_a_phone_photo_is_named_as_what_it_is(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    at = {"tea/a.heic": _heic(), "tea/a.avif": _image("AVIF")}
    body = make("![杯](a.heic)\n\n![杯](a.avif)\n", at=at, fix_images=True)
    assert rules(body) == ["w image-fixed 1", "w image-fixed 3"]
    assert "heic" in body.findings[0].message
    assert "avif" in body.findings[1].message
    monkeypatch.setattr(images, "is_installed", lambda *_modules: False)
    body = make("![杯](b.heic)", at={"tea/b.heic": _heic(size=(50, 40))}, fix_images=True)
    assert rules(body) == ["e image-format 1"]
    assert "[heic]" in body.findings[0].hint


LABEL = '{"Label":"1","ContentProducer":"<某&公司>","ProduceID":"x1"}'


def _labelled(kind: str) -> bytes:
    packet = images.label_options(LABEL)["xmp"]
    if kind == "PNG text":
        info = PngImagePlugin.PngInfo()
        info.add_text("AIGC", LABEL)
        return _image("PNG", pnginfo=info)
    if kind == "EXIF":
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + ('{"AIGC": ' + LABEL + "}").encode()
        return _image("JPEG", exif=exif.tobytes())
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    return _image(kind, xmp=packet)


@pytest.mark.parametrize("use", [BODY, MATERIAL])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "HEIF", "PNG text", "EXIF"])
def test_the_label_of_a_picture_made_by_ai_survives(kind: str, use: ImageUse) -> None:
    data = _labelled(kind)
    made = Image.open(io.BytesIO(convert_bytes(data, use)[0]))
    found = images.find_label(made)
    assert json.loads(found) == json.loads(LABEL)
    assert not made.getexif()
    again = Image.open(io.BytesIO(convert_bytes(convert_bytes(data, use)[0], use)[0]))
    assert images.find_label(again) == found


@pytest.mark.parametrize(
    "packet", [b"", b"<", b"tc260.org.cn/ns/AIGC/1.0/", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
)
def test_odd_metadata_is_no_label(packet: bytes) -> None:
    data = _image("JPEG", xmp=packet + images.LABEL_NAMESPACE.encode())
    assert images.find_label(Image.open(io.BytesIO(data))) == ""
    assert convert_bytes(data)[1] == "jpeg"


def test_a_name_with_blanks_is_an_error_that_shows_how_to_write_it(make: Make, png: bytes) -> None:
    """Markdown takes it for text, and followers would read it."""
    body = make("茶\n\n![杯](图 1.png)\n", at={"tea/图 1.png": png})
    assert rules(body) == ["e image-blank 3"]
    assert "![杯](<图 1.png>)" in body.findings[0].hint


def test_apply_gets_the_bytes_that_the_plan_names(make: Make, tmp_path: Path, png: bytes) -> None:
    at = {"tea/图 1.webp": _image("WEBP"), "tea/cup.png": png}
    body = make("![杯](图%201.webp)\n\n![杯](<图 1.webp>)\n\n![杯](cup.png)\n", at=at, fix_images=True)
    assert rules(body) == ["w image-fixed 1"], "both are one picture"
    converted, kept = body.images.values()
    assert (converted.path, converted.format) == (PurePosixPath("tea/图 1.webp"), "jpeg")
    data = image_bytes(converted, Files(tmp_path))
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (converted.sha256, converted.size_bytes)
    assert image_bytes(kept, Files(tmp_path)) == png
    for other in (b"not an image", _image("JPEG")):
        (tmp_path / "tea/cup.png").write_bytes(other)
        with pytest.raises(StalePlanError, match=r"tea/cup\.png"):
            image_bytes(kept, Files(tmp_path))
    body = make("![杯](a.webp)\n", at={"tea/a.webp": _moving("WEBP")}, fix_images=True)
    assert rules(body) == ["e image-animated 1", "e image-format 1"], "no conversion hides another fault"


def test_cover_is_converted_only_when_needed(tmp_path: Path) -> None:
    (tmp_path / "cup.webp").write_bytes(_image("WEBP"))
    (tmp_path / "cup.gif").write_bytes(_image("GIF", "P"))
    files, base = Files(tmp_path), PurePosixPath("news.yaml")
    mended, _note = convert(files.info(base, "cup.webp"), files)
    assert (mended.converted, mended.format) == (True, "jpeg")
    assert hashlib.sha256(image_bytes(mended, files)).hexdigest() == mended.sha256
    assert convert(files.info(base, "cup.gif"), files) == (files.info(base, "cup.gif"), "")


# --- each is prepared once for the same bytes ---------------------------------------------------


@pytest.mark.parametrize("mend", [False, True])
def test_a_second_version_of_an_article_gives_the_same_findings(
    make: Make, mend: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []
    real = images._prepared
    monkeypatch.setattr(images, "_prepared", lambda *given: prepared.append(given) or real(*given))
    first = make("![茶](a.webp)\n", at={"tea/a.webp": _image("WEBP")}, fix_images=mend)
    assert len(images._known) == 1
    second = make("![茶](a.webp)\n\n又一段\n", fix_images=mend)
    assert rules(first) == rules(second) == (["w image-fixed 1"] if mend else ["e image-format 1"])
    assert first.findings == second.findings
    assert first.images == second.images
    assert len(prepared) == 1, "its bytes are known"
    make("![茶](a.webp)\n", at={"tea/a.webp": _image("WEBP", size=(50, 40))}, fix_images=mend)
    assert len(images._known) == 2, "another picture"
