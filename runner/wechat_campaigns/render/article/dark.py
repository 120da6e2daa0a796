"""An article → the same as the reader's dark mode recolours it, for pages of ours."""

from __future__ import annotations

import re

from wechat_campaigns.render.article import contrast, css
from wechat_campaigns.render.article.dom import inner, parse

_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|rgba?\([^()]*\)")


def darken(html: str) -> str:
    """Recolour each element as the reader does: backgrounds, text and borders that are plain colours.

    Gradients and pictures stay as they are.

    Args:
        html: an article's body, cleaned.

    Source: wechatjs/mp-darkmode, read 2026-11; `contrast.dark` has its rules.
    """
    root = parse(html)
    inks = {root: contrast.TextColours()}
    for element in root.iterdescendants():
        parent = element.getparent()
        if parent not in inks or not isinstance(element.tag, str):
            continue
        style = element.get("style", "")
        try:
            inks[element] = contrast.element_colours(style, inks[parent])
            changed = _night(style, inks[element], inks[parent])
        except css.CssBoundsError:
            continue
        if changed:
            element.set("style", f"{style};{changed}" if style else changed)
    return inner(root)


def _night(style: str, own: contrast.TextColours, around: contrast.TextColours) -> str:
    """Write the declarations that come after those of an element."""
    if len(own.grounds) != 1:
        return ""
    text, ground = own.pairs[0]
    night_text, night_ground = contrast.dark(text, ground)
    said = css.declarations(style)
    changed = []
    if own.grounds != around.grounds or any(item.lower_name == "background-color" for item in said):
        changed.append(f"background-color:{contrast.hex_of(night_ground)}")
    if own != around or any(item.lower_name == "color" for item in said):
        changed.append(f"color:{contrast.hex_of(night_text)}")
    changed += [
        f"{item.lower_name}:{_COLOUR.sub(lambda found: _line(found[0]), css.value_of(item))}"
        for item in said
        if item.lower_name.startswith("border")
    ]
    return ";".join(changed)


def _line(written: str) -> str:
    """Recolour a border: as text on the page, whatever its box stands on."""
    colour = css.colour(written)
    if colour is None or colour.alpha == 0:
        return written
    mixed = contrast.over(colour, contrast.DARK_PAGE)
    night = contrast.dark(mixed, (1.0, 1.0, 1.0))[0]
    parts = [
        max(0, min(255, round(255 * (seen + (1 - colour.alpha) * (seen - below) / colour.alpha))))
        for seen, below in zip(night, contrast.DARK_PAGE, strict=True)
    ]
    return f"rgba({parts[0]},{parts[1]},{parts[2]},{colour.alpha:g})"
