"""One case of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hostile.trap import Trap

COLOUR_PIXEL = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0"
    b"\0\3\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82"
)

VARIABLES = 'vars: {x: a, "n": 7, m: {k: v}, l: [1, 2], big: \'' + "a" * 1000 + "'}\n"
"""What templates of the corpus may name."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Hostile files, and what has to become of them.

    Args:
        name: unique in its table; letters, digits and `-`.
        files: by path below the case's folder (`campaigns/NAME/`); in a text, `@MARKER@`, `@TRAP@` and
            `@PORT@` are filled.
        refused: True when an error must name one of its files and none of its sends may be planned; False
            when it must be planned, harmless as it is; None when either will do.
        make: makes what is no ordinary file; takes the trap.
        args: the command, for a case that is not read as a campaign.
        environ: variables of the command.
        alone: it gets a checkout of its own.
    """

    name: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    refused: bool | None = True
    make: Callable[[Trap], object] | None = None
    args: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False


def text(content: str, *, more: str = "") -> str:
    """Write a campaign file with this text, quoted so that YAML leaves it as it is."""
    quoted = content.replace("'", "''")
    return f"filter: {{tag: 会员}}\nmsgtype: text\ncontent: '{quoted}'\n{more}"


def article(body: str = "a.md", *, more: str = "", cover: str = "{file: cover.png}") -> str:
    """Write a campaign file with one article."""
    return (
        "filter: {tag: 会员}\nmsgtype: mpnews\n"
        f"content: {{articles: [{{title: 标题, body: {body}, cover: {cover}{more}}}]}}\n"
    )
