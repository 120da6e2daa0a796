"""The program's words in the reader's language: English as written in the source, others from a catalog.

English costs nothing: no catalog is opened, and gettext itself is not loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from gettext import NullTranslations

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
DOMAIN: Final = "campaign"
CATALOGS: Final = Path(__file__).parent / "translations"

_spoken: NullTranslations | None = None


def speak(language: Language) -> None:
    """Choose the language of every message from here on; one for the whole process, as gettext has it."""
    global _spoken
    if language == "en":
        _spoken = None
        return
    from gettext import translation

    _spoken = translation(DOMAIN, CATALOGS, languages=[language])


def language_of(environ: Mapping[str, str]) -> Language:
    """Read the wanted language from the variables of a POSIX locale; English for all we do not speak."""
    wanted = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "zh" if wanted.lower().startswith("zh") else "en"


def _(message: str) -> str:
    """Translate; placeholders such as `{count}` are filled by the caller afterwards, with `format`."""
    return message if _spoken is None else _spoken.gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """Translate the form that goes with a count."""
    if _spoken is None:
        return one if count == 1 else many
    return _spoken.ngettext(one, many, count)


def N_(message: str) -> str:  # noqa: N802
    """Mark a constant for the catalog; it is translated with `_` where it is used."""
    return message
