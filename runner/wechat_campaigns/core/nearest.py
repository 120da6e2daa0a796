"""A wrong word and the known ones in, what was likely meant out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wechat_campaigns.core.i18n import _

CUTOFF: Final = 0.6
STRICT: Final = 0.7
"""For keys, which are short and many."""


def close_matches(written: str, known: Iterable[str], *, most: int, cutoff: float = CUTOFF) -> list[str]:
    """List the known words that a written one resembles, letter case and `-` or `_` apart, nearest first."""
    import difflib  # only for who wrote something wrong

    alike = {_plain(word): word for word in sorted(known)}
    found = difflib.get_close_matches(_plain(written), alike, n=most, cutoff=cutoff)
    return [alike[word] for word in found]


def nearest(written: str, known: Iterable[str], *, cutoff: float = CUTOFF) -> str | None:
    """Return the known word that a written one most resembles, or None."""
    return next(iter(close_matches(written, known, most=1, cutoff=cutoff)), None)


def did_you_mean(written: str, known: Iterable[str], *, otherwise: str, cutoff: float = CUTOFF) -> str:
    """Ask whether the nearest known word was meant; when none is near, say something else."""
    found = nearest(written, known, cutoff=cutoff)
    return _("did you mean `{name}`?").format(name=found) if found else otherwise


def suggestion_suffix(written: str, known: Iterable[str]) -> str:
    """Ask the same as the end of a sentence; empty when none is near."""
    found = nearest(written, known)
    return _("; did you mean `{name}`?").format(name=found) if found else ""


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
