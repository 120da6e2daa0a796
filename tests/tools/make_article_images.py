"""Draw the small pictures of `tests/articles/images/`: one for each thing that can be wrong with one.

Run `python -m tests.tools.make_article_images`; the same Pillow gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parents[1] / "articles" / "images"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path d="M0 0h8v8z"/></svg>\n'


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    cup = _cup("#4a7c59")
    cup.save(FOLDER / "cup.png", optimize=True)
    cup.save(FOLDER / "cup.webp", quality=60)
    cup.save(FOLDER / "really-png.jpg", "PNG", optimize=True)
    _cup("#8a9a5b").save(FOLDER / "leaf.jpg", quality=70)
    cup.convert("CMYK").save(FOLDER / "print.jpg", quality=60)
    cup.save(FOLDER / "moving.gif", save_all=True, append_images=[_cup("#aa4a44")], duration=300)
    (FOLDER / "drawing.svg").write_text(SVG, encoding="utf-8")
    (FOLDER / "broken.png").write_bytes((FOLDER / "cup.png").read_bytes()[:150])


def _cup(colour: str) -> Image.Image:
    image = Image.new("RGB", (120, 90), "#f4f1ea")
    draw = ImageDraw.Draw(image)
    draw.pieslice((30, 0, 90, 80), 0, 180, fill=colour)
    draw.rectangle((45, 82, 75, 85), fill=colour)
    return image


if __name__ == "__main__":
    main()
