"""Draw and play the small assets of the example campaigns: pictures, a chime, a film of four seconds.

Run `pip install pillow lameenc imageio-ffmpeg`, then `python tests/make_assets.py`. The files are committed;
this only says where they come from and makes them anew.
"""

from __future__ import annotations

import math
import struct
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
import lameenc
from PIL import Image, ImageDraw

CAMPAIGNS = Path(__file__).parent.parent / "campaigns"
PAPER, LEAF, CUP, SUN, INK = "#f6f1e7", "#4a7c59", "#b5543a", "#e0a458", "#2f3e46"
RATE = 16_000


def main() -> None:
    poster(0).save(CAMPAIGNS / "autumn/poster/front.jpg", quality=78, optimize=True)
    poster(1).save(CAMPAIGNS / "autumn/poster/back.jpg", quality=78, optimize=True)
    card().save(CAMPAIGNS / "welcome/card/tea.png", optimize=True)
    (CAMPAIGNS / "welcome/greeting/chime.mp3").write_bytes(chime())
    film(CAMPAIGNS / "autumn/film/tea.mp4")


def poster(side: int) -> Image.Image:
    """A cup under an autumn sun; the back shows the leaves only."""
    image = Image.new("RGB", (540, 720), PAPER)
    draw = ImageDraw.Draw(image)
    draw.ellipse((300, 60, 460, 220), fill=SUN)
    for step in range(3):
        draw.polygon(hill(step), fill=(LEAF, "#6b9a6e", "#8fb38b")[step])
    if side == 0:
        cup(draw, 270, 520, 120)
    else:
        for x, y in ((140, 470), (270, 540), (400, 460)):
            draw.ellipse((x - 60, y - 26, x + 60, y + 26), fill=INK if x == 270 else CUP)
    return image


def card() -> Image.Image:
    """A cup on plain paper."""
    image = Image.new("RGB", (480, 320), PAPER)
    draw = ImageDraw.Draw(image)
    cup(draw, 240, 180, 90)
    return image.quantize(16)


def hill(step: int) -> list[tuple[float, float]]:
    """One ridge line, the further the higher."""
    line = [(x, 330 + 60 * step + 30 * math.sin(x / 70 + step)) for x in range(0, 560, 20)]
    return [(0, 720), *line, (540, 720)]


def cup(draw: ImageDraw.ImageDraw, x: int, y: int, size: int, steam: float = 0.0) -> None:
    """A tea cup with steam."""
    draw.pieslice((x - size, y - size, x + size, y + size), 0, 180, fill=CUP)
    draw.ellipse((x - size, y - size // 5, x + size, y + size // 5), fill=INK)
    draw.ellipse((x - size - 30, y + size + 2, x + size + 30, y + size + 22), fill=INK)
    for offset in (-size // 2, 0, size // 2):
        wave = [(x + offset + 8 * math.sin(t / 9 + steam + offset), y - 30 - t) for t in range(0, size, 3)]
        draw.line(wave, fill="#a8a29e", width=4)


def chime() -> bytes:
    """Three notes that fade, two seconds, as MP3."""
    samples = []
    for n in range(RATE * 2):
        t = n / RATE
        notes = ((0.0, 659.3), (0.35, 784.0), (0.7, 987.8))
        level = sum(tone(hz, t - at) for at, hz in notes if t >= at)
        samples.append(int(9000 * level))
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(32)
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(1)
    encoder.set_quality(2)
    encoder.silence()
    return bytes(encoder.encode(struct.pack(f"<{len(samples)}h", *samples)) + encoder.flush())


def tone(hz: float, t: float) -> float:
    """A struck note `t` seconds after it was struck."""
    return math.sin(2 * math.pi * hz * t) * math.exp(-3 * t)


def film(target: Path) -> None:
    """Steam rises from a cup for four seconds."""
    with tempfile.TemporaryDirectory() as folder:
        for n in range(48):
            frame = Image.new("RGB", (320, 240), PAPER)
            cup(ImageDraw.Draw(frame), 160, 140, 60, steam=n / 4)
            frame.save(Path(folder) / f"{n:03}.png")
        subprocess.run(
            [
                *(imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-framerate", "12"),
                *("-i", f"{folder}/%03d.png", "-pix_fmt", "yuv420p", "-crf", "30"),
                *("-fflags", "+bitexact", "-map_metadata", "-1", "-movflags", "+faststart", str(target)),
            ],
            check=True,
        )


if __name__ == "__main__":
    main()
