"""Markdown sections in, one comment that GitHub takes out: cut section by section, its head never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COMMENT_CHARS = 65_000
"""GitHub refuses a comment above 65,536 characters. Source: issue comments, read 2026-11."""
_NOTE_CHARS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, a text that leads in, and blocks that may be left out from the end."""

    title: str
    noun: str
    """What a block is, for the note that says how many are left out: `send`."""
    blocks: Sequence[str]
    lead: str = ""
    joint: str = "\n\n"


def fitted(head: str, sections: Sequence[Section], *, limit: int = COMMENT_CHARS) -> str:
    """Join a head and as much of each section as fits; empty sections are left out.

    Args:
        head: kept whole.
        sections: the most important first.
        limit: characters of the whole.
    """
    text = head.rstrip("\n")
    # Every section gets at least its title and a note of what it leaves out.
    spare = sum(_least(section) for section in sections if section.blocks)
    for section in sections:
        if section.blocks:
            spare -= _least(section)
            text += _cut(section, limit - len(text) - spare)
    return f"{text}\n"


def shortened(text: str, limit: int) -> str:
    """Cut a long text at a line's end, saying how much is missing."""
    if len(text) <= limit:
        return text
    kept = text[:limit].rpartition("\n")[0] or text[:limit]
    return f"{kept}\n… {len(text) - len(kept):,} characters more"


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
        noun = section.noun if left == 1 else f"{section.noun}s"
        text += f"\n\n… {left:,} {noun} more: see the log of this run, or its JSON report."
    return text


def _opening(section: Section) -> str:
    return f"\n\n### {section.title}" + (f"\n\n{section.lead}" if section.lead else "")


def _least(section: Section) -> int:
    return len(_opening(section)) + _NOTE_CHARS
