"""Bring the catalogs up to date with the words of the source: new ones come, old ones go, translations stay.

Run `python -m tests.tools.make_catalog`, then translate what it names; `tests/unit/test_catalog.py` checks
that nothing is missing.
"""

import ast
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from tests.support.commands import COMMANDS
from tests.support.schema_texts import schema_words
from tests.support.source import PACKAGE, ROOT, trees
from tests.tools.foreign_words import FOREIGN_WORDS
from wechat_campaigns.cli.help_pages import flat
from wechat_campaigns.cli.options import KINDS
from wechat_campaigns.core.errcodes import texts
from wechat_campaigns.core.i18n import CATALOGS, DOMAIN
from wechat_campaigns.translations.hatch_build import compile_catalog

TEMPLATES = sorted(
    [
        *PACKAGE.glob("report/templates/*.html"),
        *PACKAGE.glob("render/phone/templates/*.html"),
        *PACKAGE.glob("studio/templates/*.html"),
    ]
)
KEYWORDS = {"_": 1, "N_": 1, "ngettext": 2}
"""What marks a message, and how many texts it takes."""
HEADER = """\
# Written by people, kept in step with the source by `python -m tests.tools.make_catalog`.
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {forms}\\n"

"""
Message = str | tuple[str, ...]


def main() -> None:
    for path in catalogs():
        text, catalog = refreshed(path)
        path.write_text(text, encoding="utf-8")
        compile_catalog(path)
        missing = [message.id for message in catalog if message.id and not all(_forms(message.string))]
        print(f"{path.relative_to(ROOT)}: {len(catalog)} messages, {len(missing)} to translate")
        for words in missing:
            print(f"  {words!r}")


def catalogs() -> list[Path]:
    """The file of each language."""
    return sorted(CATALOGS.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(path: Path) -> Catalog:
    """A catalog as it is written."""
    with path.open("rb") as lines:
        return read_po(lines, domain=DOMAIN, locale=path.parts[-3], abort_invalid=True)


def refreshed(path: Path) -> tuple[str, Catalog]:
    """A catalog as it should be: its text, and what it holds."""
    before = read(path)
    catalog = Catalog(locale=path.parts[-3], domain=DOMAIN)
    for place, message in words():
        told = before.get(message if isinstance(message, str) else message[0])
        kept = told.string if told is not None and told.pluralizable is isinstance(message, tuple) else None
        catalog.add(message, kept, locations=[(place, None)])
    for one in catalog:
        one.flags.clear()
    out = io.BytesIO()
    write_po(out, catalog, width=110, omit_header=True, sort_by_file=True, no_location=True)
    return HEADER.format(
        language=path.parts[-3], forms=before.plural_forms
    ) + out.getvalue().decode(), catalog


def words() -> Iterator[tuple[str, Message]]:
    """Every message with the file that says it."""
    for path, tree in trees().items():
        place = path.relative_to(ROOT).as_posix()
        yield from ((place, message) for message in marked(tree))
    yield from ((place, message) for place, listed in FOREIGN_WORDS.items() for message in listed)
    for path in TEMPLATES:
        place = path.relative_to(ROOT).as_posix()
        yield from ((place, message) for message in _marked_in_template(path.read_text(encoding="utf-8")))
    yield from (("runner/wechat_campaigns/core/errcodes.yaml", text) for text in texts())
    for text, places in schema_words().items():
        yield from ((place.partition("#")[0], text) for place in places)
    yield from _helps()


def _marked_in_template(template: str) -> Iterator[Message]:
    for _line, name, found in extract_from_ast(Environment().parse(template), ("_", "ngettext")):
        texts = [text for text in (found if isinstance(found, tuple) else (found,)) if text]
        if len(texts) == KEYWORDS[name]:
            yield texts[0] if len(texts) == 1 else tuple(texts)


def marked(tree: ast.AST) -> Iterator[Message]:
    """The texts of `_()`, `N_()` and `ngettext()`, in the order of the source, also inside f-strings."""
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        count = KEYWORDS.get(node.func.id, 0)
        texts = [one.value for one in node.args[:count] if isinstance(one, ast.Constant)]
        if count and len(texts) == count:
            yield texts[0] if count == 1 else tuple(texts)


def _helps() -> Iterator[tuple[str, Message]]:
    """What `--help` shows of the commands: docstrings and the options' own texts."""
    for command in COMMANDS.values():
        place = f"{str(getattr(command.callback, '__module__', '')).replace('.', '/')}.py"
        yield place, flat(str(command.help))
        for text in filter(None, (getattr(param, "help", None) for param in command.params)):
            what, kind, _kinds = text.partition(KINDS)
            yield place, what + kind


def _forms(string: Message | None) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string or "",)


if __name__ == "__main__":
    main()
