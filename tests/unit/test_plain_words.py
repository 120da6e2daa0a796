"""Messages, help, pages and docstrings in plain words: patterns that made them hard to read stay out.

A pattern here is a habit that was seen, not a rule of grammar; what it is replaced with stands beside it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source import comments, statements, trees
from tests.tools.make_catalog import catalogs, read

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")])
"""The reference is made of messages, and of WeChat's own words."""

ENGLISH = {
    r"(?<![Tt]here )\b(is|are) no (?!longer|more\b)\w+": "is not a …; there is no …",
    r"\b(is|are) none\b|\bof none\b": "name what is missing",
    r"\banew\b": "again",
    r"\b(are|is) the most\b": "the maximum is …",
    r"\bcannot be (told|known|had)\b": "cannot determine …; is not available",
    r"\btold back\b": "returned",
    r"\b[Nn]obody (is|has|can|knows)\b": "name who or what",
    r"\b[Ww]hoever\b|\b[Ww]ho has not\b": "a person who …",
    r"\blest\b|\blikewise\b|\bthus\b|\bhence\b|\bby now\b": "plain words",
    r"\basks nobody\b": "makes no request to WeChat",
    r"\bthe platform\b": "WeChat",
    r"\b(it|which|that|plan|apply|command) (wants|knows|tells|believes|forgets)\b": "requires, records",
    r"\ball the same\b": "anyway",
}
CODE = ENGLISH | {
    r"^(Give|Tell|Say|Name|Put|Take|Have|Hand|Let|Look|Note)\b": "Return, Raise, Check, Read, Write",
    r"\b(heard of|spelt|told apart)\b|\bthe very\b|\bkeeps? to\b": "plain words",
    r"\b[Ww]ho (has|knows|reads|asks|wants|can) (?!been)": "name the reader, or the class",
    r"\b(wants|tells|believes|forgets)\b": "requires, returns, trusts, drops",
}
"""Of docstrings and comments too."""
CHINESE = {
    r"[\u4e00-\u9fff][,;!?]|[\u4e00-\u9fff]:(?!//)(?!\s*$)": "full-width punctuation after Chinese",
    r"\([^()`]*[\u4e00-\u9fff][^()`]*\)": "full-width brackets around Chinese",
    r"[，。：；！？（）、] (?![|`])| [，。：；！？）、]": "no blank beside full-width punctuation",
    r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9%](?<!IP(?=白名单))[\u4e00-\u9fff]": "a blank between scripts",
    r"[０-９Ａ-Ｚａ-ｚ]": "half-width letters and digits",
    r"进行": "the verb itself",
}


def findings(text: str, patterns: dict[str, str]) -> Iterator[str]:
    plain = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "`x`", text))
    for pattern, instead in patterns.items():
        if match := re.search(pattern, plain):
            yield f"{match[0]!r} in {text!r}: {instead}"


def without_placeholders(text: str) -> str:
    return re.sub(r"\{[^{}]*\}", "〇", text)


def test_messages_are_plain() -> None:
    found: list[str] = []
    for message in read(catalogs()[0]):
        for forms, patterns in ((message.id, ENGLISH), (message.string, CHINESE)):
            for text in (forms,) if isinstance(forms, str) else forms:
                found += findings(without_placeholders(text), patterns)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_plain(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    patterns = CHINESE if page.name.endswith(".zh-CN.md") else ENGLISH
    sentences = re.split(r"\n(?=[ \t]*(?:$|[-*|#>]|\d+\.))", text, flags=re.MULTILINE)
    found = [finding for sentence in sentences for finding in findings(" ".join(sentence.split()), patterns)]
    assert not found, "\n".join(found)


def said_in_code() -> Iterator[str]:
    """Every finding in docstrings and comments."""
    for path, tree in trees().items():
        texts = [
            node.value.value
            for node in statements(tree)
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ]
        texts += [comment for _line, comment in comments(path.read_text(encoding="utf-8"))]
        yield from (f"{path.name}: {one}" for text in texts for one in findings(text, CODE))


def test_docstrings_and_comments_are_plain() -> None:
    assert not (found := list(said_in_code())), "\n".join(found)
