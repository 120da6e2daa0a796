"""What a code host reports of a merged request. The code hosts themselves are slow to load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedRequest:
    """A merged pull or merge request, and who said what about its newest commit."""

    number: int
    head: str
    """Its newest commit, the one that was approved."""
    author: str
    commits: frozenset[str] = frozenset()
    """Its commits as they were proposed; a merge may have made others of them."""
    is_complete: bool = True
    """False where the code host lists not all of its commits."""
    writers: frozenset[str] = frozenset()
    """Whose commits it holds; GitLab tells no account behind a commit."""
    approved_by: tuple[str, ...] = ()
    """Who approved the newest commit; an approval of an earlier one is none."""
    changes_requested_by: tuple[str, ...] = ()
    """Who asked for changes and has not taken it back."""
