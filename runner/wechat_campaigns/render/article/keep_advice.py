"""A style that is kept → advice: what some phones, or dark mode, show badly.

Source: wechatjs/verify-article-structure-spec, rules 1.4, 1.5, 3 and 4, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.render.article import measure
from wechat_campaigns.render.article.parts import Findings

WIDE_PX: Final = 345
"""What a phone shows of an article's width."""


def advise(style: str, has_text: bool, line: int | None, findings: Findings) -> None:
    """Add what a style attribute that stays may do to readers."""
    for part in style.lower().split(";"):
        name, _colon, value = part.removesuffix("!important").partition(":")
        for rule, names, applies, what, hint in _ADVICE:
            if name in names and applies(value) and (has_text or rule == "fixed-width"):
                findings.advise(rule, _(what).format(name=name, value=value[:60]), _(hint), line=line)


def _over(most: float) -> Callable[[str], bool]:
    return lambda value: (measure.length(value) or 0) > most


_ADVICE: Final = (
    (
        "fixed-width",
        ("width", "min-width"),
        lambda value: value.endswith("px") and _over(WIDE_PX)(value),
        N_("`{name}: {value}` can overflow a phone's screen"),
        N_("use a percentage up to 100%"),
    ),
    (
        "fixed-height",
        ("height", "max-height"),
        lambda value: value.endswith(("px", "em", "pt")),
        N_("`{name}: {value}` around text: larger text would overlap"),
        N_("remove it: readers can enlarge the text"),
    ),
    (
        "position",
        ("position",),
        lambda value: value == "absolute",
        N_("`{name}: {value}` around text can cover other text"),
        N_("check it at each width in `campaign render`"),
    ),
    (
        "large-margin",
        ("margin-left", "margin-right", "padding-left", "padding-right"),
        _over(48),
        N_("`{name}: {value}` makes the text narrow on a phone"),
        N_("use 0 to 48px"),
    ),
    (
        "no-wrap",
        ("white-space",),
        lambda value: value in ("nowrap", "pre"),
        N_("`{name}: {value}` prevents text from wrapping on a phone"),
        N_("remove it"),
    ),
    (
        "background-image",
        ("background-image", "background"),
        lambda value: "gradient" in value or "url(" in value,
        N_("text stands on a picture or a gradient, which dark mode does not recolour"),
        N_("use background-color behind text"),
    ),
    (
        "font-family",
        ("font-family",),
        lambda _value: True,
        N_("`font-family` is set: most phones do not have the font"),
        N_("remove it: the phone uses its own font"),
    ),
)
