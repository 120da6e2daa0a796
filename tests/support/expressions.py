"""An expression of GitHub Actions and its contexts in, its value out; as much of the language as we use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')|(?P<op>&&|\|\||==|!=|!|\(|\))"
    r"|(?P<call>[a-z]+\(\))|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<blank>\s+)"
)
_WORDS = {"&&": " and ", "||": " or ", "!": " not "}
_EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def evaluate(expression: str, contexts: Mapping[str, Any], status: Mapping[str, bool]) -> Any:
    """Work out one expression.

    Args:
        expression: without `${{ }}`.
        contexts: `github`, `inputs`, `steps`… as nested mappings.
        status: what `success`, `cancelled`, `always` and `failure` answer.
    """
    python, position = "", 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        assert found, f"not understood: {expression[position:]!r}"
        position = found.end()
        token = found.group()
        if found.lastgroup == "name":
            token = repr(_look_up(token, contexts))
        elif found.lastgroup == "call":
            token = repr(status[token[:-2]])
        elif found.lastgroup == "text":
            token = repr(token[1:-1].replace("''", "'"))
        python += _WORDS.get(token, token)
    return eval(python.strip(), {"__builtins__": {}})


def fill(text: Any, contexts: Mapping[str, Any]) -> str:
    """Replace each `${{ }}` of a value by what it stands for."""
    return _EMBEDDED.sub(lambda found: _shown(evaluate(found.group(1), contexts, {})), _shown(text))


def holds(condition: Any, contexts: Mapping[str, Any], status: Mapping[str, bool]) -> bool:
    """Decide an `if:`; one that asks for no status means success as well."""
    text = _shown(condition).strip()
    bare = text[3:-2] if text.startswith("${{") and text.endswith("}}") else text
    asks = re.search(r"(success|failure|cancelled|always)\(\)", bare)
    value = bool(evaluate(bare, contexts, status)) if bare else True
    return value and (bool(asks) or status["success"])


def _look_up(name: str, contexts: Mapping[str, Any]) -> Any:
    if name in ("true", "false"):
        return name == "true"
    value: Any = contexts
    for part in name.split("."):
        # What is missing is null, and null is shown as nothing.
        value = value.get(part, "") if isinstance(value, Mapping) else ""
    return value


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
