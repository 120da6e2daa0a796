"""Takes the bytes of a media file, gives its format from magic bytes and the length of sound."""

from collections.abc import Iterator
from typing import Final

from wechat_article.files import picture_format

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"#!AMR\n", "amr"),
    (b"ID3", "mp3"),
    # ASF header object; wma and wmv share it, and WeChat takes it for voice only.
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma"),
)
CONTENT_TYPES: Final = {
    "png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp",
    "mp3": "audio/mpeg", "wav": "audio/wav", "amr": "audio/amr", "wma": "audio/x-ms-wma", "mp4": "video/mp4",
}  # fmt: skip
"""By format, of what followers receive; none that a browser runs."""
_AMR_FRAME_S: Final = 0.02
_AMR_FRAME_BYTES: Final = (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1)
_MP3_V1_KBPS: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_V2_KBPS: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_HZ: Final = (44100, 48000, 32000)


def sniff(data: bytes) -> str:
    """Return a format, one of `FileInfo`'s, from the first bytes; the file's suffix plays no part."""
    if picture := picture_format(data):
        return picture
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data.startswith(b"RIFF"):
        return "wav" if data[8:12] == b"WAVE" else "unknown"
    if data[4:8] == b"ftyp":
        return "mp4"
    return "mp3" if _mp3_frame(data, 0) else "unknown"


def duration_s(data: bytes, kind: str) -> float | None:
    """Measure the seconds of mp3, amr and wav; None for all else, or when the file is broken.

    Args:
        kind: what `sniff` said.
    """
    match kind:
        case "mp3":
            return round(sum(_mp3_frames_s(data, _id3_bytes(data))), 3) or None
        case "amr":
            return _amr_s(data)
        case "wav":
            return _wav_s(data)
    return None


def _amr_s(data: bytes) -> float | None:
    frames, offset = 0, len(b"#!AMR\n")
    while offset < len(data):
        offset += _AMR_FRAME_BYTES[(data[offset] >> 3) & 15]
        frames += 1
    return round(frames * _AMR_FRAME_S, 3) if frames else None


def _wav_s(data: bytes) -> float | None:
    bytes_per_s: int = 0
    offset: int = 12
    while offset + 8 <= len(data):
        name, size = data[offset : offset + 4], int.from_bytes(data[offset + 4 : offset + 8], "little")
        if name == b"fmt " and offset + 20 <= len(data):
            bytes_per_s = int.from_bytes(data[offset + 16 : offset + 20], "little")
        if name == b"data" and bytes_per_s:
            # A header written before the recording ended may promise more than the file holds.
            return round(min(size, len(data) - offset - 8) / bytes_per_s, 3)
        offset += 8 + size + size % 2
    return None


def _id3_bytes(data: bytes) -> int:
    if not data.startswith(b"ID3") or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _mp3_frames_s(data: bytes, offset: int) -> Iterator[float]:
    while offset + 4 <= len(data):
        frame = _mp3_frame(data, offset)
        if frame:
            size, seconds = frame
            yield seconds
            offset += size
        else:
            offset = data.find(b"\xff", offset + 1)
            if offset < 0:
                return


def _mp3_frame(data: bytes, offset: int) -> tuple[int, float] | None:
    """Read one layer III frame header: the frame's bytes and seconds, or None."""
    if len(data) < offset + 4:
        return None
    header = int.from_bytes(data[offset : offset + 4], "big")
    version, layer = header >> 19 & 3, header >> 17 & 3
    rate, hertz = header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version == 1 or layer != 1 or rate in (0, 15) or hertz == 3:
        return None
    is_v1 = version == 3
    samples = 1152 if is_v1 else 576
    # MPEG 2 halves the sample rates of MPEG 1, MPEG 2.5 halves them again.
    per_s = _MP3_HZ[hertz] >> (0 if is_v1 else 1 if version == 2 else 2)
    kbps = (_MP3_V1_KBPS if is_v1 else _MP3_V2_KBPS)[rate]
    return samples // 8 * kbps * 1000 // per_s + (header >> 9 & 1), samples / per_s
