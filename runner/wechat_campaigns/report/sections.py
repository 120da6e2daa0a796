"""Fit Markdown sections into one comment that GitHub takes: cut section by section, its head never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wechat_campaigns.core.i18n import _

COMMENT_CHARS = 65_000
"""GitHub refuses a comment above 65,536. Source: GitHub, REST API for issue comments, read 2026-11."""
_NOTE_CHARS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, a text that leads in, and blocks that may be left out from the end."""

    title: str
    blocks: Sequence[str]
    lead: str = ""
    joint: str = "\n\n"


def fitted(head: str, sections: Sequence[Section], *, limit: int = COMMENT_CHARS) -> str:
    """Join a head and as much of each section as fits; empty sections are left out.

    Args:
        head: kept whole.
        sections: the most important first.
    """
    text = head.rstrip("\n")
    # Every section gets at least its title and a note of what it leaves out.
    spare = sum(_least(section) for section in sections if section.blocks)
    for section in sections:
        if section.blocks:
            spare -= _least(section)
            text += _cut(section, limit - len(text) - spare)
    return f"{text}\n"


def _cut(section: Section, room: int) -> str:
    text = _opening(section)
    left = len(section.blocks)
    for block in section.blocks:
        piece = section.joint + block
        if len(text) + len(piece) + (_NOTE_CHARS if left > 1 else 0) > room:
            break
        text += piece
        left -= 1
    if left:
        note = _("… {count:,} more not shown: see the log of this run, or its JSON report.")
        text += f"\n\n{note.format(count=left)}"
    return text


def _opening(section: Section) -> str:
    return f"\n\n### {section.title}" + (f"\n\n{section.lead}" if section.lead else "")


def _least(section: Section) -> int:
    return len(_opening(section)) + _NOTE_CHARS
