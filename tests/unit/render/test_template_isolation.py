"""Templates of one run know nothing of each other: any order, any subset, the same bytes."""

import copy
import time
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.factories import make_settings
from wechat_campaigns.render.compile import Compiler
from wechat_campaigns.render.templates.bounds import TemplateRenderError
from wechat_campaigns.render.templates.template import Templates
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import find_campaigns

pytestmark = pytest.mark.slow

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


def test_data_handed_to_a_rendering_are_a_copy() -> None:
    templates, data = Templates(NoFiles()), copy.deepcopy(DATA)
    environment = templates._engine._environment
    environment.filters["upper"] = lambda value: value.update(name="x") or "done"
    assert templates.render("{{ shop|upper }}", data) == "done"
    assert data == DATA


ENTRIES = 4_500


@pytest.mark.deep
@pytest.mark.parametrize("extra", ["", "vars: {v: 1}\n"], ids=["all fail", "all succeed"])
def test_entries_cost_the_same_however_many_there_are(tmp_path: Path, extra: str) -> None:
    few, many = (
        min(_seconds(tmp_path, entries, extra) for _ in range(3)) for entries in (ENTRIES // 3, ENTRIES)
    )
    assert many < 6 * few + 0.5, (few, many)


def _seconds(tmp_path: Path, entries: int, extra: str) -> float:
    text = "# a comment\n" * 20_000 + "msgtype: text\ncontent: 'hi {{ v }} {w}'\nfilter: {tag: a}\n" + extra
    text += "for_each:\n" + "".join(f"  e{number}: {{}}\n" for number in range(entries))
    (tmp_path / "a.yaml").write_text(text)
    compiler = Compiler(settings=make_settings(), files=Files(tmp_path))
    (item,) = find_campaigns(tmp_path)[0]
    began = time.process_time()
    made = compiler.make(item)
    spent = time.process_time() - began
    assert len(made.sends) == (entries if extra else 0)
    assert (tmp_path / "a.yaml").stat().st_size < 1024 * 1024
    return spent
