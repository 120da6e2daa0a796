"""The program's words in the reader's language: English as written in the source, others from a catalog.

English costs nothing: no catalog is opened, and gettext itself is not loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from gettext import NullTranslations

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
HTML_LANGUAGE: Final[Mapping[Language, str]] = {"en": "en", "zh": "zh-CN"}
"""What a page of each language says of itself."""
DOMAIN: Final = "campaign"
CATALOGS: Final = Path(__file__).parents[1] / "translations"

_language: Language = "en"
_spoken: NullTranslations | None = None


class LocalizedMessage(str):
    """A message in another language, with its English for whatever is kept or compared."""

    __slots__ = ("english",)
    english: str

    def __new__(cls, text: str, english: str) -> LocalizedMessage:
        """Make it of both."""
        said = super().__new__(cls, text)
        said.english = english
        return said

    def __reduce__(self) -> tuple[type[LocalizedMessage], tuple[str, str]]:
        return LocalizedMessage, (str(self), self.english)

    def format(self, *args: object, **values: object) -> LocalizedMessage:
        """Fill the placeholders of both, each with values in its own language."""
        told = {
            name: english_text(value) if isinstance(value, str) else value for name, value in values.items()
        }
        return LocalizedMessage(super().format(*args, **values), self.english.format(*args, **told))

    def join(self, messages: Iterable[str]) -> LocalizedMessage:
        """Join messages by this one; the result knows the English of each."""
        parts = list(messages)
        return LocalizedMessage(super().join(parts), self.english.join(map(english_text, parts)))


def english_text(message: str) -> str:
    """Return a message as English says it: for the ledger, and for whatever is compared.

    Cutting a message loses its English; templates filled by `format`, and separators that `join`, keep it.
    """
    return message.english if isinstance(message, LocalizedMessage) else message


def set_language(language: Language) -> None:
    """Choose the language of every message from here on; one for the whole process, as gettext has it.

    Raises:
        OSError: its catalog is missing or broken; the language stays what it was.
    """
    global _language, _spoken
    catalog: NullTranslations | None = None
    if language != "en":
        import struct
        from gettext import translation

        try:
            catalog = translation(DOMAIN, CATALOGS, languages=[language])
        except (ValueError, struct.error) as error:  # gettext has no error of its own for a file cut short
            raise OSError(str(error)) from error
    _language, _spoken = language, catalog


def current_language() -> Language:
    """Return the language that was chosen."""
    return _language


def language_from_env(environ: Mapping[str, str]) -> Language:
    """Read the wanted language from the variables of a POSIX locale; English for all we do not speak."""
    wanted = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "zh" if wanted.lower().startswith("zh") else "en"


def _(message: str) -> str:
    """Translate; placeholders such as `{count}` are filled by the caller afterwards, with `format`."""
    if _spoken is None or not message:  # to gettext the empty text is the catalog's own header
        return message
    return LocalizedMessage(_spoken.gettext(message), message)


def ngettext(one: str, many: str, count: int) -> str:
    """Translate the form that goes with a count."""
    said = one if count == 1 else many
    return said if _spoken is None else LocalizedMessage(_spoken.ngettext(one, many, count), said)


def N_(message: str) -> str:  # noqa: N802
    """Mark a constant for the catalog; it is translated with `_` where it is used."""
    return message


def status_word(code: str) -> str:
    """Write the code of an action, a status, an outcome or a grade for people."""
    return _(str(code).replace("_", " "))
