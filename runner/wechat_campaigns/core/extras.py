"""Tell whether an optional part of the tool is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from wechat_campaigns.core.errors import MissingExtraError

EXTRAS: Final[dict[str, tuple[str, ...]]] = {
    "articles": ("lxml", "nh3", "css_inline", "PIL"),
    "heic": ("pillow_heif",),
    "math": ("ziamath", "latex2mathml"),
    "callback": ("cryptography", "werkzeug"),
    "excel": ("openpyxl",),
    "postgres": ("psycopg",),
    "socks": ("socks",),
    "sandbox": ("flask", "werkzeug", "watchfiles"),
}
"""The extras of pyproject.toml, each with modules that nothing but it brings."""


def is_extra_installed(extra: str) -> bool:
    """Return whether every library of an extra is there; none is loaded."""
    return all(find_spec(module) for module in EXTRAS[extra])


def require_extra(extra: str, *, needed_for: str) -> None:
    """Refuse what an extra is needed for, before an import fails.

    Args:
        extra: a key of `EXTRAS`.
        needed_for: what the reader wanted, as the subject of a sentence.

    Raises:
        MissingExtraError: it is not installed.
    """
    if not is_extra_installed(extra):
        raise MissingExtraError(extra, needed_for=needed_for)
