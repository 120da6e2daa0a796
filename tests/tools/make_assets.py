"""Draw the pictures of the example article `campaigns/tea/spring-tea`, each under 30 KB.

Run `python -m tests.tools.make_assets`; the same Pillow gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parents[2] / "campaigns" / "tea" / "spring-tea" / "images"
SIZE = (900, 560)
PAPER, INK, MIST = "#f5f1e8", "#3d3a34", "#dfe6dd"
GREENS = ("#cfdcc6", "#a9c29a", "#7fa273", "#557d52", "#35593a")
Draw = ImageDraw.ImageDraw


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        _picture(draw).quantize(32, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)
    _picture(_cover, (900, 383)).save(FOLDER / "cover.jpg", quality=82, optimize=True)


def _picture(draw: Callable[[Draw], None], size: tuple[int, int] = SIZE) -> Image.Image:
    image = Image.new("RGB", (size[0] * 2, size[1] * 2), PAPER)
    draw(ImageDraw.Draw(image))
    return image.resize(size, Image.Resampling.LANCZOS)


def _wave(draw: Draw, base: float, height: float, phase: float, colour: str, width: int = 1800) -> None:
    points = [
        (x, base + height * math.sin(x / 260 + phase) + height / 3 * math.sin(x / 97))
        for x in range(0, width + 10, 10)
    ]
    draw.polygon([(0, 2000), *points, (width, 2000)], fill=colour)


def _hill(draw: Draw) -> None:
    draw.ellipse((1300, 120, 1500, 320), fill="#e9c46a")
    for index, colour in enumerate(GREENS):
        _wave(draw, 430 + index * 150, 60 - index * 6, index * 1.3, colour)


def _sensor(draw: Draw) -> None:
    _wave(draw, 760, 40, 0.4, GREENS[1])
    _wave(draw, 900, 30, 2.0, GREENS[3])
    draw.rectangle((860, 420, 900, 980), fill="#8b6b4a")
    draw.rounded_rectangle((770, 260, 990, 470), 24, fill="#fdfcf8", outline=INK, width=8)
    draw.line((820, 400, 860, 350, 900, 370, 945, 310), fill="#bb5a3c", width=10, joint="curve")
    draw.polygon([(1180, 760), (1420, 760), (1380, 980), (1220, 980)], fill="#b58d5b")
    draw.arc((1200, 640, 1400, 880), 180, 360, fill="#8b6b4a", width=12)


def _curve(draw: Draw) -> None:
    draw.line((180, 120, 180, 980, 1660, 980), fill=INK, width=8)
    heat = [
        (180, 900),
        (320, 330),
        (520, 260),
        (760, 420),
        (860, 800),
        (1000, 840),
        (1180, 700),
        (1380, 640),
        (1620, 760),
    ]
    for level in (300, 520, 740):
        draw.line((190, level, 1660, level), fill=MIST, width=4)
    draw.rectangle((830, 130, 1010, 970), fill="#ece5d4")
    draw.line(heat, fill="#bb5a3c", width=14, joint="curve")
    for x, y in heat:
        draw.ellipse((x - 14, y - 14, x + 14, y + 14), fill="#bb5a3c")


def _wok(draw: Draw) -> None:
    draw.pieslice((300, -300, 1500, 1000), 0, 180, fill="#4a4a48")
    draw.pieslice((380, -260, 1420, 900), 0, 180, fill="#5f5f5b")
    for index in range(90):
        x, y = 560 + (index * 137) % 680, 420 + (index * 71) % 330
        draw.ellipse((x, y, x + 54, y + 16), fill=GREENS[2 + index % 3])
    draw.rounded_rectangle((780, 60, 1000, 470), 100, fill="#d9a982")
    for finger in range(4):
        draw.rounded_rectangle((770 + finger * 62, 380, 822 + finger * 62, 620), 26, fill="#d9a982")


def _boxes(draw: Draw) -> None:
    for row in range(3):
        draw.rectangle((150, 360 + row * 300, 1650, 376 + row * 300), fill="#8b6b4a")
        for column in range(5):
            left, top = 190 + column * 290, 170 + row * 300
            draw.rounded_rectangle(
                (left, top, left + 240, top + 190), 14, fill="#c9d6cf", outline=GREENS[4], width=6
            )
            draw.ellipse((left + 90, top + 60, left + 150, top + 120), fill="#7fa273")


def _cups(draw: Draw) -> None:
    draw.rectangle((0, 900, 1800, 1120), fill="#d8c7a8")
    for index, colour in enumerate(("#e8ecc2", "#d3d98f", "#b9b45f")):
        left = 260 + index * 460
        draw.polygon([(left + 14, 460), (left + 306, 460), (left + 280, 930), (left + 40, 930)], fill=colour)
        for leaf in range(6):
            x, y = left + 70 + leaf * 30, 800 + (leaf * 53) % 100
            draw.ellipse((x, y, x + 16, y + 60), fill=GREENS[3])
        draw.line((left, 300, left + 40, 940, left + 280, 940, left + 320, 300), fill="#9aa5a0", width=8)


def _checklist(draw: Draw) -> None:
    draw.polygon([(520, 120), (1300, 90), (1330, 1010), (540, 1040)], fill="#fffdf6")
    for row in range(5):
        top = 240 + row * 150
        draw.rectangle((610, top, 660, top + 50), outline=INK, width=7)
        draw.line((620, top + 24, 634, top + 42, 668, top - 8), fill="#557d52", width=10)
        draw.line((710, top + 26, 1130 - row % 3 * 90, top + 22), fill="#8d877c", width=12)
    for ring in (0, 16):
        draw.ellipse((575 - ring, 795 - ring, 1190 + ring, 935 + ring), outline="#bb5a3c", width=7)


def _shop(draw: Draw) -> None:
    draw.rectangle((0, 0, 1800, 170), fill=GREENS[4])
    draw.rectangle((180, 230, 1620, 960), fill="#fbf6e9", outline="#8b6b4a", width=18)
    for row, top in enumerate((400, 700)):
        draw.rectangle((200, top + 190, 1600, top + 206), fill="#8b6b4a")
        for column in range(6):
            left = 270 + column * 220
            draw.rounded_rectangle(
                (left, top, left + 130, top + 190), 18, fill=GREENS[1 + (row + column) % 4]
            )
            draw.rectangle((left + 30, top + 70, left + 100, top + 130), fill=PAPER)
    draw.rectangle((0, 1000, 1800, 1120), fill="#cbb994")


def _cover(draw: Draw) -> None:
    draw.ellipse((820, 90, 980, 250), fill="#e9c46a")
    for index, colour in enumerate(GREENS):
        _wave(draw, 330 + index * 95, 46 - index * 5, index * 1.7, colour)


PICTURES: dict[str, Callable[[Draw], None]] = {
    "hill": _hill,
    "sensor": _sensor,
    "curve": _curve,
    "wok": _wok,
    "boxes": _boxes,
    "cups": _cups,
    "checklist": _checklist,
    "shop": _shop,
}

if __name__ == "__main__":
    main()
