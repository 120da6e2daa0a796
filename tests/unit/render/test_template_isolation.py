"""Templates of one run know nothing of each other: any order, any subset, the same bytes."""

import copy
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wechat_campaigns.render.scope import Templates
from wechat_campaigns.render.templates import TemplateRenderError

DATA: dict[str, Any] = {
    "shop": {"name": "示例", "tags": ["b", "a"], "deep": {"x": [1, 2]}},
    "cities": ["京", "沪"],
    "n": 3,
    "on": True,
    "nothing": None,
}
VALUES = (
    "shop",
    "shop.tags",
    "shop.deep",
    "shop.name",
    "cities",
    "n",
    "on",
    "nothing",
    "dict",
    "namespace",
    "range",
)
CALLS = (
    ".items()", ".update({'name': 'x'})", ".append('x')", ".clear()", ".pop()", ".sort()", ".upper()",
    "|list", "|sort", "|unique|list", "|dictsort", "|string", "|join", "|first", "|length", "|reverse|list",
    "|map('string')|join", "|map(' raw')|list", "[0]", ".name", ".keys()", "", "|default('x')",
)  # fmt: skip
FORMS = (
    "{{ VALUE }}",
    "{% set x = VALUE %}{{ x }}",
    "{% set ns = namespace(v=VALUE) %}{% set ns.v = 1 %}{{ ns.v }}",
    "{% for x in VALUE %}{{ loop.index }}{{ x }}{% endfor %}",
    "{% set x = dict.update(shop, {'name': 'x'}) %}{{ VALUE }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(VALUE) }}",
    "{% set shop = 1 %}{% set cities = 2 %}{{ VALUE }}",
)
TEMPLATES = st.builds(
    lambda form, value, call: form.replace("VALUE", f"{value}{call}"),
    st.sampled_from(FORMS),
    st.sampled_from(VALUES),
    st.sampled_from(CALLS),
)


class NoFiles:
    def text(self, base_file: PurePosixPath, path: str) -> str:
        raise AssertionError("no template here includes another")


def outcome(templates: Templates, text: str, data: dict[str, Any]) -> str:
    try:
        return templates.render(text, data)
    except TemplateRenderError as fault:
        return f"{fault.message} {fault.line}"


@settings(deadline=None, max_examples=200)
@given(st.lists(TEMPLATES, min_size=1, max_size=8), st.randoms(use_true_random=False))
@pytest.mark.deep
def test_any_order_and_any_subset_give_the_same(texts: list[str], chance: Any) -> None:
    alone = {text: outcome(Templates(NoFiles()), text, copy.deepcopy(DATA)) for text in texts}
    together, data = Templates(NoFiles()), copy.deepcopy(DATA)
    chance.shuffle(texts)
    for text in texts:
        assert outcome(together, text, data) == alone[text]
        assert data == DATA
    assert not any(" at 0x" in text for text in alone.values())
