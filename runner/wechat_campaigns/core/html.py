"""What every page of this program has: its style sheet, and templates that hide nothing."""

from functools import cache
from typing import TYPE_CHECKING, Any

from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.redact import escape_invisible

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def design_css() -> str:
    """Return tokens and shared parts: plan page, report, calendar, article preview, inbox, studio."""
    from importlib import resources  # what draws no page does without

    return resources.files(__package__).joinpath("design.css").read_text(encoding="utf-8")


def templates_of(package: str) -> "Environment":
    """Return the templates of a package: what they print is escaped, and what is hidden in it visible."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # what draws no page does without

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
    )
    environment.globals |= {"_": _, "ngettext": ngettext, "backticked": _backticked}
    return environment


def _backticked(text: str) -> list[str]:
    """Cut a sentence at its backticks: every second part is code."""
    parts = text.split("`")
    return parts if len(parts) % 2 else [text]


def _visible(value: Any) -> Any:
    from markupsafe import Markup

    return escape_invisible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
