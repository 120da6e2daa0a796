"""An article's HTML, safe to show: balanced, without script, every picture from this machine.

The page that shows it forbids scripts and foreign addresses anyway; here they leave no trace.
"""

import re
from collections.abc import Callable
from html import escape

from wechat_campaigns.core.html import HtmlReader

DROPPED = {
    "applet", "audio", "frameset", "iframe", "noembed", "noframes", "noscript", "object", "script", "select",
    "style", "template", "textarea", "title", "xmp",
}  # fmt: skip
"""Elements that go with all they hold."""
UNWRAPPED = {
    "base", "body", "button", "dialog", "embed", "form", "frame", "head", "html", "input", "link", "meta",
    "plaintext", "portal",
}  # fmt: skip
"""Elements of which only the content stays."""
VOID = {"area", "br", "col", "hr", "img", "source", "track", "wbr"}
REPEATED = {"dd", "dt", "li", "option", "p", "td", "th", "tr"}
"""Elements that end where the next of their kind begins."""
URL_ATTRIBUTES = {"background", "data-src", "href", "poster", "src", "srcset", "xlink:href"}
CARD, COVER = "mp-common-miniprogram", "data-miniprogram-imageurl"
"""The card of a mini program, and its picture, which is shown inside it."""
FORBIDDEN_ATTRIBUTES = {
    COVER,
    "action",
    "autofocus",
    "contenteditable",
    "formaction",
    "ping",
    "srcdoc",
    "target",
}
NAME = re.compile(r"[a-z][a-z0-9:_-]*")
LINK = re.compile(r"(?:https?://|mailto:|tel:|#)", re.IGNORECASE)
CSS_URL = re.compile(r"""url\(\s*["']?([^"')]*)["']?\s*\)""", re.IGNORECASE)
ODD_STYLE = re.compile(r"\\|image-set", re.IGNORECASE)
"""Other ways to name a picture: by an escape, by a set of them."""
ACTIVE_NAME = re.compile(r"\s*(on|href|xlink:)", re.IGNORECASE)
"""What an animation could make a link or a handler of."""

Local = Callable[[str], str]
"""Turns the address of a picture into a path on this server, or into the empty string."""


def sanitize(html: str, local: Local) -> str:
    """Make an article's HTML safe to show; `local` says where a picture's bytes are.

    Returns:
        Balanced HTML without scripts, forms and addresses of other machines, links aside.
    """
    rewriter = _Rewriter(local)
    rewriter.read(html)
    return rewriter.finish()


class _Rewriter(HtmlReader):
    """Rewrites HTML, token by token."""

    def __init__(self, local: Local) -> None:
        super().__init__(convert_charrefs=True)
        self._local = local
        self._written: list[str] = []
        self._open: list[str] = []
        self._dropping: list[str] = []

    def finish(self) -> str:
        """Close what is still open; the whole text."""
        return "".join([*self._written, *(f"</{tag}>" for tag in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an element's beginning, or begin to drop."""
        if self._dropping or tag in DROPPED:
            if tag in self._dropping or not self._dropping:
                self._dropping.append(tag)
            return
        if tag in UNWRAPPED or not NAME.fullmatch(tag):
            return
        if tag in REPEATED and self._open[-1:] == [tag]:
            self.handle_endtag(tag)
        self._written.append(f"<{tag}{self._attributes(tag, attrs)}>")
        if tag not in VOID:
            self._open.append(tag)
        if tag == CARD:
            for cover in [value for name, value in attrs if name == COVER][:1]:
                self.handle_starttag("img", [("src", cover)])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an element without content."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element and what is open inside it; an end without a beginning goes."""
        if self._dropping:
            if self._dropping[-1] == tag:
                self._dropping.pop()
            return
        if tag in self._open:
            while (inner := self._open.pop()) != tag:
                self._written.append(f"</{inner}>")
            self._written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Write text."""
        if not self._dropping:
            self._written.append(escape(data, quote=False))

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> str:
        written: dict[str, str] = {}
        for name, value in attrs:
            attribute = self._attribute(tag, name, value or "")
            # Articles of WeChat carry the address of a picture in data-src.
            name = "src" if name == "data-src" else name
            if attribute is not None and not written.get(name):
                written[name] = attribute
        if tag == "img" and "src" not in written:
            written["data-missing"] = ""
        return "".join(f' {name}="{escape(value)}"' for name, value in written.items())

    def _attribute(self, tag: str, name: str, value: str) -> str | None:
        """Decide on one attribute; None when it goes."""
        if not NAME.fullmatch(name) or name.startswith("on") or name in FORBIDDEN_ATTRIBUTES:
            return None
        if name == "style":
            return None if ODD_STYLE.search(value) else CSS_URL.sub(self._css_url, value)
        if name == "attributename":
            return None if ACTIVE_NAME.match(value) else value
        if tag == "a" and name == "href":
            return value.strip() if LINK.match(value.strip()) else None
        if name in URL_ATTRIBUTES:
            return value if value.startswith("#") else self._local(value) or None
        return value

    def _css_url(self, match: re.Match[str]) -> str:
        """Point a background at this server, or take it away."""
        path = self._local(match[1].strip())
        return f"url({path})" if path else "none"
