"""What the elements around a text do to it together: each within its bounds, they could hide or turn it."""

import math
from typing import Final, NamedTuple

from wechat_article import css

MOVE_PX: Final = 180.0
FONT_SIZES: Final = {
    "xx-small": 9, "x-small": 10, "small": 13, "medium": 16, "large": 18, "x-large": 24, "xx-large": 32,
    "xxx-large": 48,
}  # fmt: skip
RELATIVE_SIZES: Final = {"smaller": 5 / 6, "larger": 6 / 5, "inherit": 1.0}
PROPERTIES: Final = {
    name: name.removeprefix("-webkit-")
    for name in ("opacity", "zoom", "font-size", "transform", "-webkit-transform", "writing-mode")
} | {"-webkit-writing-mode": "writing-mode"}
"""What adds up, with the name under which a later declaration takes the place of an earlier one."""
_LEVEL: Final = ("horizontal-tb", "lr", "lr-tb", "rl", "initial", "inherit", "unset")


class Around(NamedTuple):
    """The size and the place of a text, as far as the elements around it change them."""

    font_px: float = css.EM_PX
    wide: float = 1.0
    high: float = 1.0
    opacity: float = 1.0
    degrees: float = 0.0
    slant: float = 0.0
    right: float = 0.0
    down: float = 0.0
    vertical: int = 0
    """How often vertical writing began, and how often writing turned again in it."""
    width_px: float = css.PAGE_PX
    height_px: float = css.PAGE_PX
    """Of the box, where it has a size."""

    def inside(self, name: str, value: str) -> "Around":
        """Return what is around a text inside an element with one of `PROPERTIES`, too."""
        part = css.number(value)
        if name == "opacity":
            return self if part is None else self._replace(opacity=self.opacity * min(1.0, part))
        if name == "zoom":
            return self if part is None else self._scaled(part, part)
        if name == "font-size":
            return self._replace(font_px=_font_px(value, self.font_px))
        if name == "writing-mode":
            return self._replace(vertical=self.vertical + (value not in _LEVEL or self.vertical > 0))
        return self._transformed(css.functions(value) or [])

    def shows(self, before: "Around") -> bool:
        """Return whether nothing that differs from `before` is outside its bounds."""
        changed = zip(self, before, _BOUNDS.values(), strict=True)
        return all(now == then or least <= now <= most for now, then, (least, most) in changed)

    def _transformed(self, functions: list[tuple[str, list[str]]]) -> "Around":
        now, depth = self, 0.0
        for name, arguments in functions:
            numbers = [css.number(one) or 0.0 for one in arguments]
            angles = [css.degrees(one) or 0.0 for one in arguments]
            lengths = [css.length(one, self.font_px) or 0.0 for one in arguments]
            if name == "matrix":
                now = now._by_matrix(numbers)
            elif name.startswith("scale"):
                wide, high, _deep = _axes(name, numbers, 1.0)
                now = now._scaled(wide, high)
            elif name.startswith("translate"):
                x, y, z = _axes(name, lengths, 0.0)
                now, depth = now._moved(x, y), depth + abs(z)
            elif name.startswith("skew"):
                now = now._replace(slant=now.slant + sum(_axes(name, angles, 0.0)))
            elif name in ("rotate", "rotatez"):
                now = now._replace(degrees=now.degrees + angles[0])
            elif name.startswith("rotate"):
                part = math.cos(math.radians(angles[-1]))
                now, depth = now._scaled(part, part), depth + abs(angles[-1])
        near = any(name == "perspective" for name, _arguments in functions)
        return now._scaled(0.0, 0.0) if near and depth else now

    def _by_matrix(self, numbers: list[float]) -> "Around":
        a, b, c, d, e, f = numbers if len(numbers) == 6 else 6 * [0.0]
        moved, wide, area = self._moved(e, f), math.hypot(a, b), a * d - b * c
        slant = math.degrees(math.atan2(a * c + b * d, area))
        return moved._scaled(wide, area / (wide or 1.0))._replace(
            degrees=self.degrees + math.degrees(math.atan2(b, a)), slant=self.slant + slant
        )

    def _scaled(self, wide: float, high: float) -> "Around":
        return self._replace(wide=self.wide * wide, high=self.high * high)

    def _moved(self, x: float, y: float) -> "Around":
        turn, x, y = math.radians(self.degrees), x * self.wide, y * self.high
        right, down = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
        return self._replace(right=self.right + right, down=self.down + down)


_BOUNDS: Final = {
    "font_px": (8.0, 100.0),
    "wide": (0.4, 3.0),
    "high": (0.4, 3.0),
    "opacity": (0.2, 1.0),
    "degrees": (-90.0, 90.0),
    "slant": (-75.0, 75.0),
    "right": (-MOVE_PX, MOVE_PX),
    "down": (-600.0, 600.0),
    "vertical": (0, 1),
    "width_px": (0.0, math.inf),
    "height_px": (0.0, math.inf),
}
"""Turned further, 16 is read as 91; a negative scale mirrors."""


def _axes(name: str, values: list[float], other: float) -> list[float]:
    """Return the values of a function for x, y and z; `other` for an axis that it leaves as it is."""
    if name[-1] in "xyz":
        return [values[0] if axis == name[-1] else other for axis in "xyz"]
    second = values[0] if name == "scale" else other
    return [*values[:3], *[second, other][len(values) - 1 :]]


def _font_px(value: str, around_px: float) -> float:
    if value in FONT_SIZES:
        return FONT_SIZES[value]
    part = RELATIVE_SIZES.get(value, css.number(value) if value.endswith("%") else None)
    if part is not None:
        return part * around_px
    return 0.0 if "%" in value else css.length(value, around_px) or 0.0
