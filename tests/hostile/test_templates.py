# ruff: noqa: E501 (a template is a line)
"""Templates of a stranger: every one is refused, or ends soon and small, and changes nothing.

What costs ends by the bounds of the process that renders it; `test_bounds.py` has the files.
"""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from wechat_campaigns.core.fence import Bound, Bounds, map_fenced
from wechat_campaigns.render.scope import Templates
from wechat_campaigns.render.templates import TemplateRenderError
from wechat_campaigns.render.templates.jinja import copied
from wechat_campaigns.source.files import FileError, Files

BOUNDS = Bounds(cpu_s=1, memory_bytes=300 << 20)
VARIABLES = {
    "brand": "茶",
    "n": 3,
    "shop": {"name": "示例", "open": True, "tags": ["a", "b"]},
    "cities": ["京", "沪"],
    "big": "a" * 50_000,
    "lines": "a\n" * 50_000,
    "words": "a " * 50_000,
    "many": {f"k{number}": "v" * 1_000 for number in range(150)},
}
PARTIALS = {
    "_partials/twice": "{% include 'twice' %}{% include 'twice' %}",
    "_partials/importer": "{% import 'importer' as m %}",
    "_partials/child": "{% extends 'child' %}",
    "_partials/macros": "{% macro hi(x) %}{{ x }}{% endmacro %}{% set word = 'w' %}",
}
_DOUBLE = (
    "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = STEP %}{% endfor %}{{ ns.s }}"
)
_NEST = "{% set a = ['x'] %}" + "{% set a = [a, a] %}" * 60

REFUSED: dict[str, str] = {
    # --- names of filters that no template may use, given as text
    "concat by map": "{{ [['a']]|map(' concat')|list|length }}",
    "raw by map": "{{ ['<b>']|map(' raw')|first }}",
    "blank before a name": "{{ [brand]|map(' upper')|first }}",
    "capitals in a name": "{{ [brand]|map('Upper')|first }}",
    "attr by map": "{{ [brand]|map('attr', 'upper')|first }}",
    "groupby": "{{ [shop]|groupby('name')|list|length }}",
    "filter that is a number": "{{ [1]|map(1)|list|length }}",
    "test by its function": "{{ [1]|select('callable')|list|length }}",
    "test of identity": "{{ brand is sameas(brand) }}",
    "test for filters": "{{ ' charge' is filter }}",
    # --- Python's insides
    "class": "{{ ().__class__ }}",
    "class by subscript": "{{ brand['__class__'] }}",
    "class by map": "{{ [brand]|map(attribute='__class__')|list|length }}",
    "class of a class": "{{ ''.__class__.__mro__ }}",
    "class by attr": "{{ brand|attr('__class__') }}",
    "class by format": "{{ '{0.__class__}'.format(n) }}",
    "format_map": "{{ '{a}'.format_map({'a': 1}) }}",
    "globals of range": "{{ range.__globals__ }}",
    "self": "{{ self.__init__ }}",
    "context of self": "{{ self._TemplateReference__context }}",
    "insides of a namespace": "{{ namespace(a=1)._Namespace__attrs }}",
    "insides of a loop": "{% for i in [1] %}{{ loop._iterator }}{% endfor %}",
    "function of a macro": "{% macro m() %}{% endmacro %}{{ m._func }}",
    "insides of a module": "{% import 'macros' as m %}{{ m._body_stream }}",
    "import of an inside": "{% from 'macros' import __dict__ as d %}{{ d }}",
    "context of a block": "{% block a %}{{ self.a._context }}{% endblock %}",
    "message of an unknown": "{{ nope._undefined_message }}",
    "caller's insides": "{% macro m() %}{{ caller._func }}{% endmacro %}{% call m() %}{% endcall %}",
    "encode": "{{ brand.encode() }}",
    "zfill": "{{ brand.zfill(10**9) }}",
    "to_bytes": "{{ n.to_bytes(10**9, 'big') }}",
    "hex of a float": "{{ (1.5).hex() }}",
    "complex number": "{{ ((-1) ** 0.5)|string }}",
    # --- changing data
    "append": "{% set x = cities.append('x') %}{{ x is none }}",
    "pop": "{{ cities.pop() }}",
    "clear": "{% set x = shop.clear() %}{{ x is none }}",
    "update": "{% set x = shop.update({'name': 'x'}) %}{{ x is none }}",
    "update of the class": "{% set x = dict.update(shop, {'name': 'x'}) %}{{ x is none }}",
    "setdefault of the class": "{{ dict.setdefault(shop, 'new', 'x') }}",
    "pop of the class": "{{ dict.pop(shop, 'name') }}",
    "fromkeys": "{{ dict.fromkeys(range(9999))|length }}",
    "get of the class": "{{ dict.get(shop, 'name') }}",
    "set of a variable's key": "{% set shop.name = 'x' %}{{ shop.name }}",
    # --- what is no text
    "namespace": "{{ namespace }}",
    "a namespace as text": "{{ namespace(a=1)|string }}",
    "a namespace joined": "{{ namespace(a=1) ~ '' }}",
    "a namespace in a list": "{{ [namespace(a=1)]|join }}",
    "a namespace formatted": "{{ '%s' % namespace(a=1) }}",
    "a namespace by the filter": "{{ '%s'|format(namespace(a=1)) }}",
    "a namespace in a map": "{{ {'a': namespace(a=1)}|string }}",
    "range as text": "{{ range|string }}",
    "method": "{{ shop.items }}",
    "method as text": "{{ shop.items|string }}",
    "method joined": "{{ [shop.items]|join }}",
    "method formatted": "{{ '%s' % shop.items }}",
    "method with a tilde": "{{ 'a' ~ shop.items }}",
    "method replaced into": "{{ 'a'|replace('a', shop.get) }}",
    "method by default": "{{ nope|default(shop.get) }}",
    "view": "{{ shop.items() }}",
    "macro": "{% macro m() %}{% endmacro %}{{ m }}",
    "macro as an argument's text": "{% macro m(x) %}{{ x|string }}{% endmacro %}{{ m(m) }}",
    "macro kept in a namespace": "{% macro m() %}{% endmacro %}{% set n = namespace() %}{% set n.m = m %}{{ n.m }}",
    "loop": "{% for i in [1] %}{{ loop }}{% endfor %}",
    "loop's cycle": "{% for i in [1] %}{{ loop.cycle|string }}{% endfor %}",
    "module": "{% import 'macros' as m %}{{ m }}",
    "self as text": "{{ self|string }}",
    "block as text": "{% block a %}{{ self.a|string }}{% endblock %}",
    "caller as text": "{% macro m() %}{{ caller|string }}{% endmacro %}{% call m() %}{% endcall %}",
    "list": "{{ cities }}",
    "map": "{{ shop }}",
    "null": "{{ none }}",
    "slice": "{{ cities[:] }}",
    "generator": "{{ cities|map('upper') }}",
    "generator as a key": "{{ {'a': 1}[cities|map('upper')] }}",
    "unknown": "{{ nope }}",
    "unknown in a list": "{{ [nope]|join }}",
    "unknown with a tilde": "{{ 'a' ~ nope }}",
    # --- chance and state
    "random": "{{ cities|random }}",
    "lipsum": "{{ lipsum() }}",
    "now": "{{ now() }}",
    "debug tag": "{% debug %}",
    "do tag": "{% do cities.append(1) %}",
}
"""Must be an error: a few for each list of names, each way to their insides and each place where text is made."""

BOUNDED: dict[str, str] = {
    "a namespace compared": "{{ namespace(a=1) == 1 }}",
    # --- too large
    "format with a map, by the filter": "{{ ('%(k1)s' * 20000)|format(**many) }}",
    "parentheses in a key": "{{ '%(a(b))999999999d' % {'a(b)': 1} }}",
    "precision from a value": "{{ '%.*f' % (999999999, 1) }}",
    "length modifier": "{{ '%l999999999d' % 1 }}",
    "repr": "{{ '%r' % brand }}",
    "power of powers": "{{ 10 ** (10 ** 10) }}",
    "doubling by join": _DOUBLE.replace("STEP", "[ns.s, ns.s]|join"),
    "doubling by format": _DOUBLE.replace("STEP", "'%s%s' % (ns.s, ns.s)"),
    "nesting compared": _NEST + "{{ a == a }}",
    "nesting sorted": _NEST + "{{ [a, a]|sort|length }}",
    "indent by a text": "{{ lines|indent(big) }}",
    "wordwrap": "{{ big|wordwrap(1, wrapstring=big) }}",
    "batch": "{{ [1]|batch(10**9, 'x')|list|length }}",
    "round": "{{ 1.5|round(10**9, 'ceil') }}",
    "urlencode": "{{ ('茶' * 50000)|urlencode }}",
    "sum of texts": "{{ cities|sum(start='') }}",
    "range without a length": "{{ range(10**30)|length }}",
    "block text": "{% set x %}{% for i in range(9999) %}{{ big }}{% endfor %}{% endset %}",
    "long number with lines": "{{ " + "_".join("9" * 50_000) + " }}",
    # --- too long, too deep
    "loop over loop": "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in loop %}{% endfor %}"
    "{% endfor %}{% endfor %}",
    "missing key that is large": "{{ many[big] }}",
    "missing variable that is large": "{{ " + "x" * 100_000 + " }}",
    "search by test": "{{ range(9999)|map('string')|select('in', big)|list|length }}",
    "dotted attribute": "{{ big|map(attribute='0' ~ '.0' * 9999)|list|length }}",
    "map of maps": "{{ [[[[range(9999)]] * 9] * 9]|map('map', 'map', 'map', 'list')|list|length }}",
    "recursive loop": "{% for x in [1] recursive %}{{ loop([x]) }}{{ loop([x]) }}{% endfor %}",
    "recursive block": "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "branching include": "{% include 'twice' %}",
    "recursive import": "{% import 'importer' as m %}",
    "recursive parent": "{% extends 'child' %}",
    "brackets": "{{ " + "[" * 50_000 + "]" * 50_000 + "|length }}",
    "unary signs": "{{ " + "-" * 50_000 + "1 }}",
    "powers in a row": "{{ " + "2**" * 20_000 + "1 }}",
    "filters in a row": "{{ brand" + "|upper" * 20_000 + " }}",
    "attributes in a row": "{{ shop" + ".a" * 50_000 + " }}",
    "calls in a row": "{{ range" + "()" * 50_000 + " }}",
    "nested ifs": "{% if n %}" * 900 + "{% endif %}" * 900,
    "elifs": "{% if 0 %}" + "{% elif 0 %}" * 1_990 + "{% endif %}{{ nope }}",
    "nested fors": "{% for i in [1] %}" * 200 + "{% endfor %}" * 200,
    "nested macros": "{% macro m() %}" * 100 + "{% endmacro %}" * 100,
    "many tags": "{{ n }}" * 20_000,
    "long text": "a" * 2_000_000,
    "sorting": "{% for i in range(99) %}{{ words.split()|sort|length }}{% endfor %}",
    "comparisons in a row": "{{ 1" + "<2" * 50_000 + " and nope }}",
    "number from text": "{{ ('9' * 5000)|int * 1 }}" + "{{ nope }}",
    "floats": "{{ 1e308 * 10 }}{{ -1e308 * 10 }}",
    "long float": "{{ '%f' % 1e308 }}",
}
"""May say something, be an error, or break a bound: one row for each part of Jinja or Python that costs."""

CASES = {
    **{f"refused: {k}": v for k, v in REFUSED.items()},
    **{f"bounded: {k}": v for k, v in BOUNDED.items()},
}


class Texts:
    """Files in memory."""

    def text(self, base_file: PurePosixPath, path: str) -> str:
        if path not in PARTIALS:
            raise FileError("file-missing", f"no file {path}", "add it")
        return PARTIALS[path]


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    """Render every template of the table within the fence; what became of each, by name."""
    templates = Templates(Texts())

    def rendered(name: str) -> dict[str, Any]:
        variables = copied(VARIABLES)
        try:
            found = {"text": templates.render(CASES[name], variables)[:2000]}
        except TemplateRenderError as error:
            found = {"what": error.message, "hint": error.hint, "line": error.line}
        except MemoryError:
            raise
        except Exception as error:
            found = {"escaped": repr(error)}
        return found | {"changed": variables != VARIABLES}

    lost = lambda _name, bound: {"bound": bound, "changed": False}  # noqa: E731
    return dict(zip(CASES, map_fenced(rendered, list(CASES), lost=lost, bounds=BOUNDS), strict=True))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.deep
def test_template_is_refused_or_bounded(found: dict[str, dict[str, Any]], name: str) -> None:
    result = found[name]
    assert "escaped" not in result, result
    assert not result["changed"], "a template changed the variables of all campaigns"
    assert result.get("bound") in (None, Bound.CPU, Bound.MEMORY)
    if "what" in result:
        assert result["hint"]
        assert result["line"] >= 1
        assert len(result["what"]) < 500
        assert " at 0x" not in result["what"], "a fault shows where something lies in memory"
    assert " at 0x" not in result.get("text", ""), "a text differs from machine to machine"
    if name.startswith("refused"):
        assert "what" in result, result


# --- faults -------------------------------------------------------------------------------------

SHOWING = [
    "{{ m[token] }}",
    "{{ token[token] }}",
    "{{ n[token] }}",
    "{{ cities[token] }}",
    "{{ m[token|lower] }}",
    "{{ [1]|map(token)|list }}",
    "{{ [1]|select(token)|list }}",
    "{{ cities|map(attribute=token)|list }}",
    "{{ cities|sum(attribute=token) }}",
    "{{ cities|unique(attribute=token)|list }}",
    "{% include token %}",
    "{% import token as x %}",
    "{% extends token %}",
    "{% include '../' ~ token %}",
    "{% include token ~ '.csv' %}",
    "{{ cities.index(token) }}",
    "{{ cities|map(attribute='_' ~ token)|list }}",
    "{{ token + 1 }}",
    "{{ token() }}",
    "{{ token|format(1) }}",
    "{{ range(token) }}",
    "{{ token|round(token) }}",
    "{{ token.nope }}",
    "{{ 5|round(1, token) }}",
    "{{ m|dictsort(by=token) }}",
    "{% for a, b in [token] %}{% endfor %}",
]


@pytest.mark.parametrize("text", SHOWING)
def test_no_fault_shows_a_value(text: str, tmp_path: Path) -> None:
    token = "S3cret" * 7
    with pytest.raises(TemplateRenderError) as caught:
        Templates(Files(tmp_path)).render(text, {**VARIABLES, "m": {"key": "v"}, "token": token})
    assert "s3cret" not in f"{caught.value} {caught.value.message} {caught.value.hint}".lower()


def test_names_that_are_written_are_shown(tmp_path: Path) -> None:
    (tmp_path / "_partials").mkdir()
    (tmp_path / "_partials" / "part.txt").write_text("{{ shop.nothere }}")
    templates = Templates(Files(tmp_path))
    for text in ("{{ shop.nothere }}", "{{ shop['nothere'] }}", "{{ nothere }}", "{% include 'nothere' %}",
                 "{% include 'part.txt' %}", "{% include 'part.txt' %}x", "{{ cities|map(attribute='nothere')|list }}"):  # fmt: skip
        with pytest.raises(TemplateRenderError) as caught:
            templates.render(text, VARIABLES)
        assert "nothere" in caught.value.message
