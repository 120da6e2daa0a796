"""Templates: what they may say, what they may reach, how much they may do, and where a fault is."""

import copy
import keyword
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wechat_campaigns.render.scope import Templates
from wechat_campaigns.render.templates import MAX_SIZE, TemplateRenderError, fill, split_blocks
from wechat_campaigns.render.templates.engine import Engine
from wechat_campaigns.source.files import FileError, Files

VARIABLES = {"brand": "茶", "shop": {"name": "示例", "items": 2}, "cities": ["京", "沪"], "n": 3, "yes": True}


PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"], include_characters="\r\n\t{}%#")).filter(
    lambda text: not any(tag in text for tag in ("{{", "{%", "{#"))
)


HI = "{% macro hi(x) %}你好{{ x }}{% endmacro %}"


class Texts:
    """A campaigns folder in memory."""

    def __init__(self, **files: str) -> None:
        self.files = {name.replace("__", "/"): text for name, text in files.items()}

    def text(self, base_file, path):
        if path not in self.files:
            raise FileError("file-missing", f"file `{path}` does not exist", "add the file")
        return self.files[path]


def render(text: str, files: Texts | None = None, **more: object) -> str:
    return Templates(files or Texts()).render(text, {**VARIABLES, **more})


def fault(text: str, files: Texts | None = None) -> TemplateRenderError:
    with pytest.raises(TemplateRenderError) as caught:
        render(text, files)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ brand }}馆", "茶馆"),
        ("{{ shop.name }}{{ shop['name'] }}", "示例示例"),
        ("{{ shop.items }}", "2"),
        ("{{ yes }} {{ 1.5 }} {{ n * 2 + 1 }}", "true 1.5 7"),
        ("{{ brand ~ n ~ yes }}", "茶3true"),
        ("{% for c in cities %}{{ c }}{% if not loop.last %}、{% endif %}{% endfor %}", "京、沪"),
        ("{{ cities|join('、') }}{{ cities|map('upper')|list|length }}", "京、沪2"),
        ("{{ nope|default('无') }}{{ nope is defined }}", "无false"),
        ("{{ '%02d' % n }}{{ '%s'|format(brand) }}", "03茶"),
        ("{% raw %}{{ brand }}{% endraw %}{# 注 #}{{ '{{' }}", "{{ brand }}{{"),
        ("一\n{% if yes %}\n二\n{% endif %}\n三\n", "一\n二\n三\n"),
        ("{% set x %}<{{ brand }}>{% endset %}{{ x }}", "<茶>"),
        (
            "{% set v = namespace(a=1) %}{% for i in cities %}{% set v.a = v.a * 2 %}{% endfor %}{{ v.a }}",
            "4",
        ),
        ("{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}{{ n }}{% endcall %}", "[3]"),
        ("{% for i in range(3) %}{{ loop.cycle('a', 'b') }}{% endfor %}", "aba"),
        ("{{ shop|dictsort|map('first')|join(',') }}", "items,name"),
        ("{% for k, v in shop.copy_of|default({'a': 1})|items %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("甲\r\n{{ n }}\r乙", "甲\n3\n乙"),
        ("{% include 'both' %} {% include 'root' %}", "partial root"),
        ("{% from 'm' import hi %}{{ hi(brand) }}{% import 'm' as m %}{{ m.hi(n) }}", "你好茶你好3"),
        ("{{ range(100000)|length }}", "100000"),
        ("a" * MAX_SIZE, "a" * MAX_SIZE),
    ],
)
def test_template_renders_to(text, expected):
    files = Texts(_partials__both="partial", both="root", root="root", _partials__m=HI)
    assert render(text, files) == expected


@given(PLAIN)
def test_text_without_tags_is_its_own_result(text):
    assert render(text) == render("{{ '' }}" + text) == text.replace("\r\n", "\n").replace("\r", "\n")


def test_values_are_escaped_once_and_markup_of_the_template_is_kept():
    text = "{% macro m(v) %}*{{ v }}*{% endmacro %}{% set b %}_{{ x }}_{% endset %}{{ m(x) }}{{ b }}{{ x }}"
    result = Templates(Texts()).render(text, {"x": "*"}, escape=lambda value: f"\\{value}")
    assert result == r"*\**_\*_" + r"\*"


@pytest.mark.parametrize(
    "text",
    [
        "{% filter upper %}{{ brand }}{% endfilter %}",
        "{% set b %}{{ brand }}{% endset %}{{ b|upper }}",
        "{% set b | trim | upper %}{{ brand }}{% endset %}{{ b }}",
        "{% macro m() %}{{ brand }}{% endmacro %}{{ m()|replace('a', 'b') }}",
    ],
)
def test_escaped_text_is_not_filtered(text):
    """A filter over text that holds escaped values would garble them; plain text has no such values."""
    assert render(text) == "茶"
    with pytest.raises(TemplateRenderError, match="apply it to the values inside"):
        Templates(Texts()).render(text, VARIABLES, escape=lambda value: f"&{value};")


@pytest.mark.parametrize("text", ["一\n\x00", "一\n{{ '\\x1b' }}", "{{ n }}\n{{ '\\ud800' }}"])
def test_invisible_characters_are_refused(text):
    assert "invisible character" in fault(text).message
    assert fault(text).line == 2


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "..\\x", "link.txt", "folder/x"])
def test_include_cannot_leave_the_campaigns_folder(tmp_path, name):
    root = tmp_path / "campaigns"
    (root / "_partials").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("geheim")
    (tmp_path / "x").write_text("geheim")
    (root / "_partials" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "folder").symlink_to(tmp_path)
    with pytest.raises(TemplateRenderError) as caught:
        Templates(Files(root)).render("{% include '" + name.replace("\\", "\\\\") + "' %}", {})
    assert "campaigns folder" in caught.value.message or "is a link" in caught.value.message


def test_imported_text_is_escaped_for_each_rendering():
    """What an import makes for an article must not turn up in a plain text."""
    templates = Templates(Texts(_partials__m="{% set x %}{{ '*' }}{% endset %}"))
    text = "{% import 'm' as m %}{{ m.x }}"
    assert templates.render(text, {}, escape=lambda value: f"&{value};") == "&*;"
    assert templates.render(text, {}) == "*"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("一\n\n{{ nope }}", 3),
        ("{% if yes %}\n{{ 1 / 0 }}\n{% endif %}", 2),
        ("一\n{% if %}", 2),
        ("一\n{{ range(10 ** 9) }}", 2),
        ("{% macro m() %}\n\n{{ nope }}{% endmacro %}\n{{ m() }}", 3),
    ],
)
def test_fault_has_its_line(text, line):
    assert (fault(text).line, fault(text).file) == (line, None)


@pytest.mark.parametrize(
    "partial", ["一\n{{ nope }}", "一\n{% if %}", "一\n{% for i in range(10 ** 9) %}{% endfor %}"]
)
def test_fault_in_an_include_names_the_file(partial):
    found = fault("\n\n\n{% include 'p.txt' %}", Texts(**{"_partials/p.txt": partial}))
    assert (str(found.file), found.line) == ("_partials/p.txt", 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ brnad }}", "variable `brnad` is not defined; did you mean `brand`?"),
        ("{{ shop.nmae }}", "the map has no key `nmae`; did you mean `name`?"),
        ("{{ cities[5] }}", "element 5 is out of range: the list has 2"),
        ("{{ brand|uper }}", "unknown filter `uper`; did you mean `upper`?"),
        ("{{ brand.format(1) }}", "`format` cannot be used"),
        ("{{ shop }}", "a list or a map"),
        ("{{ none }}", "null"),
        ("{{ range(10**30)|length }}", "100,000"),
        ("{% for i in range(10) %}{{ 'x' * 50000 }}{% endfor %}", "200,000"),
        ("{% include 'r' %}", "nested too deeply"),
        ("{% include 'a.txt' %}", "file `_partials/a.txt` does not exist"),
        ("{{ brand", "`{{` is not closed"),
        ("{% if brand", "`{%` is not closed"),
        ("{# brand", "`{#` is not closed"),
        ("{% if brand %}", "`{% if %}` is not closed by `{% endif %}`"),
        ("{% for x in cities %}{% if x %}{% endfor %}", "`{% if %}` is not closed"),
        ("{% endif %}", "`{% endif %}` cannot stand here"),
        ("{{ }}", "not complete"),
        ("{{ brand + }}", "not complete"),
        ("{{ “brand” }}", "character `“`"),
    ],
)
def test_fault_says_what_is_wrong(text, words):
    assert words in fault(text, Texts(_partials__r="{% include 'r' %}")).message


# --- texts with names alone are filled without Jinja --------------------------------------------


WORDS = [*keyword.kwlist, "self", "loop", "caller", "super", "range", "none", "true", "false", "varargs"]
NAMES = ["brand", "城市", "_x1", *WORDS]
VALUES = dict(zip(NAMES, ["茶", 3, 1.5, True, "{{ n }}\r\n", ""] * 20, strict=False))
TAGS = ["{{brand}}", "{{\n城市\t}}", "{{ brand|upper }}", "{{- brand -}}", "{{ nope }}", "{{ 1 }}"]
SIGNS = ["{", "}", "{{", "}}", "{%", "%}", "{#", "#}", " ", "\n", "一", "\u3000", "brand", "\\"]
PIECES = [*(f"{{{{ {name} }}}}" for name in NAMES), *TAGS, *SIGNS]


JINJA = Engine(Texts())


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
        Templates(Texts()).render(text, variables)


# --- of a text with `if` and `for` alone, only these are compiled ---------------------------------


FLOWS = [
    "{% if yes %}", "{% if not yes %}", "{%- if n == 3 %}", "{% if nope %}", "{%+ if yes -%}", "{%if yes%}",
    "{% else %}", "{% elif n %}", "{% endif %}", "{% endif -%}", "{%- endif %}", "{% endif +%}", "{%endif%}",
    "{% for c in cities %}", "{% for brand in cities -%}", "{% for n in cities recursive %}", "{% endfor %}",
    "{{ c }}", "{{ loop.index }}", "{{ brand }}", "{{ nope }}", "{{ brand -}}", "{{- n }}", "{{ n.x }}",
    "{% raw %}", "{% endraw %}", "{{ '{%' }}", "{{ '%}' }}", '{{ "%}" }}', "{# {% #}", "{# %} #}",
    "{{ 1 / 0 }}", "{% set brand = n %}", "{% macro brand() %}", "{% endmacro %}", "{% nope %}",
    "{% filter upper %}", "{% endfilter %}", "{% if yes %}\n", "\n{% endif %}\n", " \t{% if yes %}\n",
    "\n\u3000{% endif %}\n",
]  # fmt: skip
SIGNS_AROUND = ["\n", " ", "\t", "\u3000", "\u2028", "一", "{", "}", "%}", "{%", "%", "-", "{{", "}}"]
TEXT = st.lists(st.sampled_from(["一", "\n", " ", "{{ brand }}", "\u3000", "%}", "{{ n }}"]), max_size=4).map(
    "".join
)
BEGINS = [
    "{% if yes %}",
    "{%+ if yes %}",
    "{%- if yes %}",
    "{% for brand in cities %}",
    "{%\nfor n in cities%}",
]
ENDS = ["{% endif %}", "{% endif +%}", "{% endif -%}", "{% endfor %}", "{%endfor\n%}"]
WELL_FORMED = st.tuples(
    TEXT, st.sampled_from(BEGINS), TEXT, st.sampled_from(["{% else %}", "{%- else -%}", "{{ n }}", ""]), TEXT,
    st.sampled_from(ENDS), TEXT,
).map("".join)  # fmt: skip


def outcome(renderer: Templates | Engine, text: str, data: dict[str, Any], escape: Any = str) -> str:
    """What a text becomes, or the words and the line of its fault."""
    try:
        return renderer.render(text, data, escape=escape)
    except TemplateRenderError as fault:
        return f"{fault.message} {fault.line}"


def by_jinja(text: str) -> str:
    return outcome(JINJA, text.replace("\r\n", "\n"), VARIABLES, marked)


def by_parts(text: str) -> str:
    return outcome(Templates(Texts()), text, VARIABLES, marked)


@pytest.mark.deep
@settings(max_examples=1500, deadline=None)
@given(st.one_of(WELL_FORMED, st.lists(st.sampled_from([*FLOWS, *SIGNS_AROUND]), max_size=9).map("".join)))
def test_blocks_alone_give_what_the_whole_text_gives(text: str) -> None:
    assert by_parts(text) == by_jinja(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("一{{ n }}{% if yes %}二{% endif %}\n三", ["一{{ n }}", "{% if yes %}二{% endif %}\n", "三"]),
        ("一\n \t{% if yes %}\n二\n{% endif %}", ["一\n", " \t{% if yes %}\n二\n{% endif %}", ""]),
        ("一 {% for c in cities %}{% endfor %}", ["一 ", "{% for c in cities %}{% endfor %}", ""]),
        (
            "{% if n %}{% if yes %}二{% endif %}{% endif %} 三{% for c in cities %}{{ c }}{% endfor %}",
            [
                "",
                "{% if n %}{% if yes %}二{% endif %}{% endif %}",
                " 三",
                "{% for c in cities %}{{ c }}{% endfor %}",
                "",
            ],
        ),
        ("{% if yes %}二{% endif %}", []),
        ("一{% if yes %}二", []),
        ("一{% endif %}二{% if yes %}", []),
        ("一{% set n = 1 %}{{ n }}", []),
        ("一 {%- if yes %}二{% endif %}", []),
        ("{% if yes %}二{% endif -%} 三", []),
        ("{% raw %}{% if yes %}{% endraw %}三", []),
        ("一 {% include 'a' %}", []),
        ("%} {%", []),
        ("{{ n }}", []),
    ],
)
def test_a_text_is_split_around_its_blocks(text: str, parts: list[str]) -> None:
    assert split_blocks(text) == parts
    assert by_parts(text) == by_jinja(text)


def test_a_block_that_stands_in_many_texts_is_compiled_once() -> None:
    templates = Templates(Texts())
    for number in range(9):
        text = f"第 {number} 期{{% if yes %}}二{{% endif %}}"
        assert templates.render(text, VARIABLES) == f"第 {number} 期二"
    assert len(templates._engine._compiled) == 1


# --- templates of one run know nothing of each other --------------------------------------------


DATA: dict[str, Any] = {
    "shop": {"name": "示例", "tags": ["b", "a"], "deep": {"x": [1, 2]}},
    "cities": ["京", "沪"],
    "n": 3,
    "on": True,
    "nothing": None,
}
LOOKED_AT = (
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
    st.sampled_from(LOOKED_AT),
    st.sampled_from(CALLS),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(TEMPLATES, min_size=1, max_size=8), st.randoms(use_true_random=False))
@pytest.mark.deep
def test_any_order_and_any_subset_give_the_same(texts: list[str], chance: Any) -> None:
    alone = {text: outcome(Templates(Texts()), text, copy.deepcopy(DATA)) for text in texts}
    together, data = Templates(Texts()), copy.deepcopy(DATA)
    chance.shuffle(texts)
    for text in texts:
        assert outcome(together, text, data) == alone[text]
        assert data == DATA
    assert not any(" at 0x" in text for text in alone.values())
