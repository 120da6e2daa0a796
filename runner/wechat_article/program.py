"""What the program around this package provides; alone, it writes English, and nothing bounds it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Program:
    """The functions of a program that renders articles of its own users."""

    gettext: Callable[[str], str] = lambda message: message
    ngettext: Callable[[str, str, int], str] = lambda one, many, count: one if count == 1 else many
    language: Callable[[], str] = lambda: "en"
    """Of what `gettext` returns."""
    extend: Callable[[int, int], object] = lambda _seconds, _memory_bytes: None
    """Called before a picture is decoded, with the seconds of a processor and the memory that it may take."""
    advise_install: Callable[[str], str] = "install the extra `{}`".format
    """Returns how to install an extra: `heic` or `math`."""


_program = Program()


def run_in(program: Program) -> None:
    """Use the functions of a program from here on."""
    global _program
    _program = program


def program() -> Program:
    """Return the program around this package."""
    return _program


@cache
def is_installed(*modules: str) -> bool:
    """Return whether the libraries of an extra are there; none is loaded."""
    return all(map(find_spec, modules))


def _(message: str) -> str:
    """Translate; placeholders such as `{count}` are filled by the caller afterwards, with `format`."""
    return _program.gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """Translate the form that goes with a count."""
    return _program.ngettext(one, many, count)


def N_(message: str) -> str:  # noqa: N802
    """Mark a constant for the catalog; it is translated with `_` where it is used."""
    return message
