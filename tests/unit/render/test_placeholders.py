"""`fill`: texts with names only are filled as Jinja would, and all others are left to it."""

import keyword
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wechat_campaigns.render.scope import Templates
from wechat_campaigns.render.templates import MAX_SIZE, TemplateRenderError, fill
from wechat_campaigns.render.templates.engine import Engine

WORDS = [*keyword.kwlist, "self", "loop", "caller", "super", "range", "none", "true", "false", "varargs"]
NAMES = ["brand", "城市", "_x1", *WORDS]
VALUES = dict(zip(NAMES, ["茶", 3, 1.5, True, "{{ n }}\r\n", ""] * 20, strict=False))
TAGS = ["{{brand}}", "{{\n城市\t}}", "{{ brand|upper }}", "{{- brand -}}", "{{ nope }}", "{{ 1 }}"]
SIGNS = ["{", "}", "{{", "}}", "{%", "%}", "{#", "#}", " ", "\n", "一", "\u3000", "brand", "\\"]
PIECES = [*(f"{{{{ {name} }}}}" for name in NAMES), *TAGS, *SIGNS]


class NoFiles:
    def text(self, base_file: PurePosixPath, path: str) -> str:
        raise AssertionError("nothing is included here")


JINJA = Engine(NoFiles())


def marked(value: object) -> str:
    return f"<{value}>"


@pytest.mark.deep
@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_placeholders_are_filled_as_by_jinja(text: str) -> None:
    filled = fill(text, VALUES, marked)
    if filled is not None:
        assert filled == JINJA.render(text, VALUES, marked)


@pytest.mark.parametrize(
    "text",
    ["今晚 {{ brand }}，{{城市}} 店", "{{ _x1 }}", "一 { 二 }} 三", "{{ brand }}}", "", "{{ brand }}\n"],
)
def test_names_are_filled_at_once(text: str) -> None:
    assert fill(text, VALUES, str) == JINJA.render(text, VALUES, str)


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{{ nope }}", {}),
        ("{{ a }}", {"a": None}),
        ("{{ a }}", {"a": ["x"]}),
        ("{{ a }}{{ a }}", {"a": "x" * MAX_SIZE}),
        ("x" * (MAX_SIZE + 1), {}),
    ],
)
def test_invalid_placeholder_is_left_to_jinja(text: str, variables: dict[str, object]) -> None:
    assert fill(text, variables, str) is None
    with pytest.raises(TemplateRenderError):
        Templates(NoFiles()).render(text, variables)
