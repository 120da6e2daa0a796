"""`sniff`: the format by magic bytes, the length of sound."""

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core.sniff import duration_s, sniff


def wav(seconds: float) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\0\0" * int(8000 * seconds))
    return buffer.getvalue()


def mp3(frames: int, header: bytes = b"\xff\xfb\x90\x00", size: int = 417) -> bytes:
    """Make silent frames; the default is MPEG 1 layer III, 128 kbit/s, 44.1 kHz."""
    return (header + b"\0" * (size - 4)) * frames


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"GIF89a", "gif"),
        (b"BM\x9a\0\0\0\0\0\0\0", "bmp"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "svg"),
        (b"  <SVG>", "svg"),
        (b"ID3\x04\0\0\0\0\0\0", "mp3"),
        (mp3(1), "mp3"),
        (b"#!AMR\n", "amr"),
        (wav(0.1), "wav"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma"),
        (b"\0\0\0\x18ftypmp42", "mp4"),
        (b"", "unknown"),
        (b"RIFF\0\0\0\0AVI ", "unknown"),
        (b"<html><svg>", "unknown"),
        (b"hello", "unknown"),
    ],
)
def test_format_is_detected_from_the_bytes(data: bytes, kind: str) -> None:
    """Every format of `FileInfo` is known, all else is unknown."""
    assert sniff(data) == kind


@given(
    st.sampled_from([b"", b"ID3", b"#!AMR\n", wav(0.01)[:44], b"\xff\xfb\x90\x00"]), st.binary(max_size=100)
)
def test_no_bytes_raise(head: bytes, tail: bytes) -> None:
    kind = sniff(head + tail)
    seconds = duration_s(head + tail, kind)
    assert seconds is None or seconds >= 0


ONE = wav(1.0)
ENDLESS = ONE[:40] + struct.pack("<I", 0xFFFFFFFF) + ONE[44:]
ODD_CHUNK = ONE[:12] + b"LIST\x03\0\0\0abc\0" + ONE[12:]
TAG = b"ID3\x04\0\0" + bytes([0, 0, 1, 2]) + b"\xff" * 130
LOW_RATE = mp3(100, b"\xff\xf3\x40\x00", 72 * 32 * 1000 // 22050)


@pytest.mark.parametrize(
    ("data", "kind", "seconds"),
    [
        (wav(0.5), "wav", 0.5),
        (wav(60.5), "wav", 60.5),
        (ODD_CHUNK, "wav", 1.0),
        (ENDLESS, "wav", 1.0),  # it promises more than it holds
        (TAG + mp3(50) + b"rubbish" + mp3(50), "mp3", 100 * 1152 / 44100),
        (LOW_RATE, "mp3", 100 * 576 / 22050),
        (b"#!AMR\n" + (b"\x3c" + b"\0" * 31) * 100, "amr", 2.0),
        (b"#!AMR\n", "amr", None),
        (b"RIFF\0\0\0\0WAVE", "wav", None),
        (b"ID3", "mp3", None),
        (b"", "png", None),
    ],
)
def test_sound_is_measured_by_its_bytes(data: bytes, kind: str, seconds: float | None) -> None:
    measured = duration_s(data, kind)
    assert measured is None if seconds is None else measured == pytest.approx(seconds, abs=0.001)
