# ruff: noqa: E501 (a template is a line)
"""Templates of a stranger: every one is refused, or ends soon and small, and changes nothing.

What costs ends by the bounds of the process that renders it; `test_bounds.py` has the files.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from wechat_campaigns.core.fence import Bound, Bounds, map_fenced
from wechat_campaigns.render.templates.bounds import TemplateRenderError, copied
from wechat_campaigns.render.templates.template import Templates
from wechat_campaigns.source.files import FileError, Files

BOUNDS = Bounds(cpu_s=2, memory_bytes=300 << 20)
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
    "_partials/self": "{% include 'self' %}",
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
    "refill by map": "{{ [-10**9]|map(' charge')|list|length }}",
    "charge by map": "{{ [1]|map(' charge')|list|length }}",
    "check by map": "{{ [1]|map(' check')|list|length }}",
    "concat by map": "{{ [['a']]|map(' concat')|list|length }}",
    "raw by map": "{{ ['<b>']|map(' raw')|first }}",
    "raw by map and join": "{{ ['<b>']|map(' raw')|join }}",
    "raw by map, sorted": "{{ ['<b>']|map(' raw')|sort|first }}",
    "charge by select": "{{ [1]|select(' charge')|list|length }}",
    "charge by reject": "{{ [1]|reject(' charge')|list|length }}",
    "charge by selectattr": "{{ [shop]|selectattr('name', ' charge')|list|length }}",
    "filter tag with a blank": "{% filter  charge %}a{% endfilter %}",
    "blank before a name": "{{ [brand]|map(' upper')|first }}",
    "blank behind a name": "{{ [brand]|map('upper ')|first }}",
    "capitals in a name": "{{ [brand]|map('Upper')|first }}",
    "name of another filter": "{{ [brand]|map('safe')|first }}",
    "forceescape by map": "{{ [brand]|map('forceescape')|first }}",
    "attr by map": "{{ [brand]|map('attr', 'upper')|first }}",
    "tojson by map": "{{ [shop]|map('tojson')|first }}",
    "pprint by map": "{{ [shop]|map('pprint')|first }}",
    "random by map": "{{ [cities]|map('random')|first }}",
    "xmlattr by map": "{{ [shop]|map('xmlattr')|first }}",
    "groupby": "{{ [shop]|groupby('name')|list|length }}",
    "filter that is a number": "{{ [1]|map(1)|list|length }}",
    "filter that is a list": "{{ [1]|map(['upper'])|list|length }}",
    "test by its function": "{{ [1]|select('callable')|list|length }}",
    "test of identity": "{{ brand is sameas(brand) }}",
    "test of escapes": "{{ brand is escaped }}",
    "test for filters": "{{ ' charge' is filter }}",
    "test for tests": "{{ ' charge' is test }}",
    "test callable": "{{ range is callable }}",
    # --- Python's insides
    "class": "{{ ().__class__ }}",
    "class by subscript": "{{ brand['__class__'] }}",
    "class by map": "{{ [brand]|map(attribute='__class__')|list|length }}",
    "class of a class": "{{ ''.__class__.__mro__ }}",
    "class by attr": "{{ brand|attr('__class__') }}",
    "class by format": "{{ '{0.__class__}'.format(n) }}",
    "format": "{{ '{}'.format(n) }}",
    "format_map": "{{ '{a}'.format_map({'a': 1}) }}",
    "globals of range": "{{ range.__globals__ }}",
    "globals of cycler": "{{ cycler.__init__.__globals__ }}",
    "globals of namespace": "{{ namespace.__init__.__globals__ }}",
    "globals of joiner": "{{ joiner.__init__.__globals__.os }}",
    "globals of lipsum": "{{ lipsum.__globals__ }}",
    "self": "{{ self.__init__ }}",
    "context of self": "{{ self._TemplateReference__context }}",
    "insides of a namespace": "{{ namespace(a=1)._Namespace__attrs }}",
    "insides of a loop": "{% for i in [1] %}{{ loop._iterator }}{% endfor %}",
    "function of a loop": "{% for i in [1] recursive %}{{ loop._recurse }}{% endfor %}",
    "undefined of a loop": "{% for i in [1] %}{{ loop._undefined }}{% endfor %}",
    "function of a macro": "{% macro m() %}{% endmacro %}{{ m._func }}",
    "environment of a macro": "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "name of a macro": "{% macro m() %}{% endmacro %}{{ m.__class__ }}",
    "insides of a module": "{% import 'macros' as m %}{{ m._body_stream }}",
    "dict of a module": "{% import 'macros' as m %}{{ m.__dict__ }}",
    "name of a module": "{% import 'macros' as m %}{{ m.__name__ }}",
    "import of an inside": "{% from 'macros' import __dict__ as d %}{{ d }}",
    "import of a body": "{% from 'macros' import _body_stream as d %}{{ d }}",
    "context of a block": "{% block a %}{{ self.a._context }}{% endblock %}",
    "stack of a block": "{% block a %}{{ self.a._stack }}{% endblock %}",
    "message of an unknown": "{{ nope._undefined_message }}",
    "caller's insides": "{% macro m() %}{{ caller._func }}{% endmacro %}{% call m() %}{% endcall %}",
    "encode": "{{ brand.encode() }}",
    "decode": "{{ brand.encode().decode() }}",
    "translate": "{{ brand.translate({}) }}",
    "maketrans": "{{ brand.maketrans('a', 'b') }}",
    "zfill": "{{ brand.zfill(10**9) }}",
    "ljust": "{{ brand.ljust(10**9) }}",
    "rjust": "{{ brand.rjust(10**9) }}",
    "center method": "{{ brand.center(10**9) }}",
    "expandtabs": "{{ '\\t'.expandtabs(10**9) }}",
    "join method": "{{ big.join(words) }}",
    "replace method": "{{ big.replace('a', big) }}",
    "to_bytes": "{{ n.to_bytes(10**9, 'big') }}",
    "real": "{{ n.real }}",
    "as_integer_ratio": "{{ (1.5).as_integer_ratio()[0] }}",
    "hex of a float": "{{ (1.5).hex() }}",
    "complex number": "{{ ((-1) ** 0.5)|string }}",
    "part of a complex number": "{{ ((-1) ** 0.5).real }}",
    # --- changing data
    "append": "{% set x = cities.append('x') %}{{ x is none }}",
    "extend": "{% set x = cities.extend(['x']) %}{{ x is none }}",
    "insert": "{% set x = cities.insert(0, 'x') %}{{ x is none }}",
    "pop": "{{ cities.pop() }}",
    "sort method": "{% set x = cities.sort() %}{{ x is none }}",
    "reverse method": "{% set x = cities.reverse() %}{{ x is none }}",
    "clear": "{% set x = shop.clear() %}{{ x is none }}",
    "update": "{% set x = shop.update({'name': 'x'}) %}{{ x is none }}",
    "update of the class": "{% set x = dict.update(shop, {'name': 'x'}) %}{{ x is none }}",
    "update by keywords": "{% set x = dict.update(shop, name='x') %}{{ x is none }}",
    "setdefault of the class": "{{ dict.setdefault(shop, 'new', 'x') }}",
    "pop of the class": "{{ dict.pop(shop, 'name') }}",
    "clear of the class": "{% set x = dict.clear(shop) %}{{ x is none }}",
    "popitem of the class": "{{ dict.popitem(shop)|first }}",
    "fromkeys": "{{ dict.fromkeys(range(9999))|length }}",
    "get of the class": "{{ dict.get(shop, 'name') }}",
    "update below": "{% set x = dict.update(shop.tags, {}) %}{{ x is none }}",
    "set of a variable's key": "{% set shop.name = 'x' %}{{ shop.name }}",
    # --- what is no text
    "namespace": "{{ namespace }}",
    "a namespace": "{{ namespace(a=1) }}",
    "a namespace as text": "{{ namespace(a=1)|string }}",
    "a large namespace as text": "{% set ns = namespace(a=big, b=big, c=big) %}{{ ns|string|length }}",
    "a namespace joined": "{{ namespace(a=1) ~ '' }}",
    "a namespace in a list": "{{ [namespace(a=1)]|join }}",
    "a namespace formatted": "{{ '%s' % namespace(a=1) }}",
    "a namespace by the filter": "{{ '%s'|format(namespace(a=1)) }}",
    "a namespace in a map": "{{ {'a': namespace(a=1)}|string }}",
    "a namespace in upper case": "{{ namespace(a=1)|upper }}",
    "range": "{{ range }}",
    "range as text": "{{ range|string }}",
    "dict": "{{ dict }}",
    "dict as text": "{{ dict|string }}",
    "method": "{{ shop.items }}",
    "method as text": "{{ shop.items|string }}",
    "method joined": "{{ [shop.items]|join }}",
    "method formatted": "{{ '%s' % shop.items }}",
    "method with a tilde": "{{ 'a' ~ shop.items }}",
    "method replaced into": "{{ 'a'|replace('a', shop.get) }}",
    "method by default": "{{ nope|default(shop.get) }}",
    "method of a text": "{{ brand.upper }}",
    "view": "{{ shop.items() }}",
    "macro": "{% macro m() %}{% endmacro %}{{ m }}",
    "macro as text": "{% macro m() %}{% endmacro %}{{ m|string }}",
    "macro with a tilde": "{% macro m() %}{% endmacro %}{{ m ~ '' }}",
    "macro formatted": "{% macro m() %}{% endmacro %}{{ '%r' % m }}",
    "macro in a list": "{% macro m() %}{% endmacro %}{{ [m]|string }}",
    "macro as an argument's text": "{% macro m(x) %}{{ x|string }}{% endmacro %}{{ m(m) }}",
    "macro kept in a namespace": "{% macro m() %}{% endmacro %}{% set n = namespace() %}{% set n.m = m %}{{ n.m }}",
    "loop": "{% for i in [1] %}{{ loop }}{% endfor %}",
    "loop as text": "{% for i in [1] %}{{ loop|string }}{% endfor %}",
    "loop with a tilde": "{% for i in [1] %}{{ loop ~ '' }}{% endfor %}",
    "loop formatted": "{% for i in [1] %}{{ '%s'|format(loop) }}{% endfor %}",
    "loop's cycle": "{% for i in [1] %}{{ loop.cycle|string }}{% endfor %}",
    "module": "{% import 'macros' as m %}{{ m }}",
    "module as text": "{% import 'macros' as m %}{{ m|string }}",
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
    "unknown as text": "{{ nope|string }}",
    # --- chance and state
    "random": "{{ cities|random }}",
    "shuffle": "{{ cities|shuffle }}",
    "lipsum": "{{ lipsum() }}",
    "now": "{{ now() }}",
    "hash": "{{ hash('a') }}",
    "id": "{{ id(shop) }}",
    "cycler": "{% set c = cycler('a', 'b') %}{{ c.next() }}",
    "joiner": "{% set j = joiner(',') %}{{ j() }}{{ j() }}",
    "debug tag": "{% debug %}",
    "do tag": "{% do cities.append(1) %}",
    "trans tag": "{% trans %}a{% endtrans %}",
}
"""Must be an error."""

BOUNDED: dict[str, str] = {
    "a namespace compared": "{{ namespace(a=1) == 1 }}",
    # --- too large
    "format with a map": "{{ ('%(k1)s' * 20000) % many }}",
    "format with a map, by the filter": "{{ ('%(k1)s' * 20000)|format(**many) }}",
    "format with a large value": "{{ ('%(a)s' * 9999) % {'a': big} }}",
    "parentheses in a key": "{{ '%(a(b))999999999d' % {'a(b)': 1} }}",
    "parentheses in a key, filter": "{{ '%(a(b))999999999d'|format(**{'a(b)': 1}) }}",
    "deep parentheses in a key": "{{ '%(((a)))999999999d' % {'((a))': 1} }}",
    "width": "{{ '%999999999d' % 1 }}",
    "precision": "{{ '%.999999999f' % 1 }}",
    "width from a value": "{{ '%*d' % (999999999, 1) }}",
    "precision from a value": "{{ '%.*f' % (999999999, 1) }}",
    "length modifier": "{{ '%l999999999d' % 1 }}",
    "width behind a zero": "{{ '%0999999999d' % 1 }}",
    "width behind flags": "{{ '%#0- +999999999d' % 1 }}",
    "many widths": "{{ ('%9999d' * 9999) % (range(9999)|list) }}",
    "repr": "{{ '%r' % brand }}",
    "ascii": "{{ '%a' % brand }}",
    "product": "{{ 'a' * 10**9 }}",
    "product from the left": "{{ 10**9 * 'a' }}",
    "product of lists": "{{ [big] * 10**6 }}",
    "power": "{{ 10 ** 10000000 }}",
    "power of powers": "{{ 10 ** (10 ** 10) }}",
    "power of a truth value": "{{ (true + 9) ** 10000000 }}",
    "doubling": _DOUBLE.replace("STEP", "ns.s ~ ns.s"),
    "doubling by a sum": _DOUBLE.replace("STEP", "ns.s + ns.s"),
    "doubling of a list": _DOUBLE.replace("'ab'", "[1]").replace("STEP", "ns.s + ns.s"),
    "doubling of a number": _DOUBLE.replace("'ab'", "3").replace("STEP", "ns.s * ns.s"),
    "doubling by join": _DOUBLE.replace("STEP", "[ns.s, ns.s]|join"),
    "doubling by format": _DOUBLE.replace("STEP", "'%s%s' % (ns.s, ns.s)"),
    "doubling by replace": _DOUBLE.replace("STEP", "ns.s|replace('a', ns.s)"),
    "nesting compared": _NEST + "{{ a == a }}",
    "nesting as text": _NEST + "{{ a|string|length }}",
    "nesting joined": _NEST + "{{ a|join }}",
    "nesting sorted": _NEST + "{{ [a, a]|sort|length }}",
    "center": "{{ 'a'|center(10**9) }}",
    "center of many": "{{ range(9999)|map('center', 9999)|list|length }}",
    "indent": "{{ lines|indent(9999) }}",
    "indent by a text": "{{ lines|indent(big) }}",
    "replace": "{{ big|replace('a', big) }}",
    "replace nothing": "{{ big|replace('', big) }}",
    "join": "{{ big|join(big) }}",
    "wordwrap": "{{ big|wordwrap(1, wrapstring=big) }}",
    "batch": "{{ [1]|batch(10**9, 'x')|list|length }}",
    "slices": "{{ [1]|slice(10**9)|list|length }}",
    "round": "{{ 1.5|round(10**9, 'ceil') }}",
    "round down": "{{ 1.5|round(10**7, 'floor') }}",
    "truncate": "{{ big|truncate(9, true, big * 3) }}",
    "urlencode": "{{ ('茶' * 50000)|urlencode }}",
    "sum of lists": "{{ ([[1]] * 9999)|sum(start=[])|length }}",
    "sum of texts": "{{ cities|sum(start='') }}",
    "long range": "{{ range(10**9)|length }}",
    "range without a length": "{{ range(10**30)|length }}",
    "range backwards": "{{ range(0, -10**9, -1)|length }}",
    "output": "{% for i in range(9999) %}{{ big }}{% endfor %}",
    "constant output": "{% for i in range(9999) %}" + "a" * 9_999 + "{% endfor %}",
    "block text": "{% set x %}{% for i in range(9999) %}{{ big }}{% endfor %}{% endset %}",
    "long number": "{{ " + "9" * 100_000 + " }}",
    "long number with lines": "{{ " + "_".join("9" * 50_000) + " }}",
    "long hexadecimal number": "{{ 0x" + "f" * 100_000 + " }}",
    "long binary number": "{{ 0b" + "1" * 150_000 + " }}",
    # --- too long, too deep
    "nested loops": "{% for a in range(9999) %}" * 3 + "{% endfor %}" * 3,
    "loop filter": "{% for a in range(9999) if range(9999)|list %}{% endfor %}",
    "loop filter of a name": "{% set z = 0 %}{% for a in range(9999) %}{% for b in range(9999) if z %}"
    "{% endfor %}{% endfor %}",
    "loop filter over a variable": "{% set z = 0 %}{% set r = range(9999) %}{% for a in r %}{% for b in r if z %}"
    "{% endfor %}{% endfor %}",
    "loop over loop": "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in loop %}{% endfor %}"
    "{% endfor %}{% endfor %}",
    "missing key of a large map": "{% set d = {} %}{{ many.kk1 }}",
    "missing key that is large": "{{ many[big] }}",
    "missing variable that is large": "{{ " + "x" * 100_000 + " }}",
    "search": "{% for i in range(9999) %}{{ 'ab' in big }}{% endfor %}",
    "search by test": "{{ range(9999)|map('string')|select('in', big)|list|length }}",
    "dotted attribute": "{{ big|map(attribute='0' ~ '.0' * 9999)|list|length }}",
    "dotted sort": "{{ big|sort(attribute='0' ~ '.0' * 9999)|length }}",
    "dotted unique": "{{ big|unique(attribute='0' ~ '.0' * 9999)|list|length }}",
    "map of maps": "{{ [[[[range(9999)]] * 9] * 9]|map('map', 'map', 'map', 'list')|list|length }}",
    "recursive macro": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f('a') }}",
    "branching macro": "{% macro f(d) %}{% if d %}{{ f(d - 1) }}{{ f(d - 1) }}{% endif %}{% endmacro %}{{ f(99) }}",
    "macros by turns": "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursive loop": "{% for x in [1] recursive %}{{ loop([x]) }}{{ loop([x]) }}{% endfor %}",
    "recursive block": "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "recursive include": "{% include 'self' %}",
    "branching include": "{% include 'twice' %}",
    "recursive import": "{% import 'importer' as m %}",
    "recursive parent": "{% extends 'child' %}",
    "include of many names": "{% for i in range(9999) %}{% include ['macros'] %}{% endfor %}",
    "parentheses": "{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}",
    "brackets": "{{ " + "[" * 50_000 + "]" * 50_000 + "|length }}",
    "unary signs": "{{ " + "-" * 50_000 + "1 }}",
    "nots": "{{ " + "not " * 40_000 + "1 }}",
    "powers in a row": "{{ " + "2**" * 20_000 + "1 }}",
    "long sum": "{{ " + "+".join(["1"] * 20_000) + " }}",
    "filters in a row": "{{ brand" + "|upper" * 20_000 + " }}",
    "attributes in a row": "{{ shop" + ".a" * 50_000 + " }}",
    "subscripts in a row": "{{ shop" + "[0]" * 50_000 + " }}",
    "calls in a row": "{{ range" + "()" * 50_000 + " }}",
    "nested ifs": "{% if n %}" * 900 + "{% endif %}" * 900,
    "elifs": "{% if 0 %}" + "{% elif 0 %}" * 1_990 + "{% endif %}{{ nope }}",
    "nested fors": "{% for i in [1] %}" * 200 + "{% endfor %}" * 200,
    "nested macros": "{% macro m() %}" * 100 + "{% endmacro %}" * 100,
    "many tags": "{{ n }}" * 20_000,
    "many names": "{% set " + ",".join(f"a{number}" for number in range(20_000)) + " = 1 %}",
    "long text": "a" * 2_000_000,
    "long template": "{{ n }}" + "a" * 2_000_000,
    "wrapping letters one by one": "{% for i in range(99) %}{{ (big|wordwrap(1))|length }}{% endfor %}",
    "wrapping words": "{% for i in range(99) %}{{ (words|wordwrap(2))|length }}{% endfor %}",
    "wrapping hyphens": "{% for i in range(99) %}{{ (('a-' * 40000)|wordwrap(3, false))|length }}{% endfor %}",
    "wrapping blanks": "{% for i in range(99) %}{{ ((' ' * 90000)|wordwrap(3, false))|length }}{% endfor %}",
    "titles": "{% for i in range(99) %}{{ (('a-' * 40000)|title)|length }}{% endfor %}",
    "words": "{% for i in range(99) %}{{ words|wordcount }}{% endfor %}",
    "splitting": "{% for i in range(99) %}{{ words.split()|length }}{% endfor %}",
    "counting": "{% for i in range(99) %}{{ big.count('aa') }}{% endfor %}",
    "finding": "{% for i in range(99) %}{{ big.find('a' * 9999 ~ 'b') }}{% endfor %}",
    "trimming": "{% for i in range(99) %}{{ ((' ' * 90000)|trim)|length }}{% endfor %}",
    "sorting": "{% for i in range(99) %}{{ words.split()|sort|length }}{% endfor %}",
    "sorting long texts": "{% set l = [big, big, big] %}{% for i in range(99) %}{{ l|sort|length }}{% endfor %}",
    "unique": "{% for i in range(99) %}{{ words.split()|unique|list|length }}{% endfor %}",
    "summing lists": "{% for i in range(99) %}{{ (words.split()|map('list')|list)|length }}{% endfor %}",
    "dictsort": "{% for i in range(99) %}{{ many|dictsort|length }}{% endfor %}",
    "unpacking": "{% for i in range(999) %}{% for a, b in many|items %}{{ a }}{% endfor %}{% endfor %}",
    "nested filters": "{% filter upper %}" * 200 + "{% endfilter %}" * 200,
    "nested sets": "{% set x %}" * 200 + "{% endset %}" * 200,
    "nested withs": "{% with a = 1 %}" * 200 + "{% endwith %}" * 200,
    "comparisons in a row": "{{ 1" + "<2" * 50_000 + " and nope }}",
    "number from text": "{{ ('9' * 5000)|int * 1 }}" + "{{ nope }}",
    "floats": "{{ 1e308 * 10 }}{{ -1e308 * 10 }}",
    "long float": "{{ '%f' % 1e308 }}",
    "shouting": "{% for i in range(99) %}{{ ('ß' * 90000)|upper|length }}{% endfor %}",
    "urlencoding": "{% for i in range(99) %}{{ ('茶' * 9000)|urlencode|length }}{% endfor %}",
    "replacing by much": "{% for i in range(99) %}{{ ('a' * 999)|replace('a', 'b' * 150)|length }}{% endfor %}",
    "replacing at the bound": "{{ ('a' * 5000)|replace('a', 'b' * 4900)|length }}",
    "indenting at the bound": "{{ ('a\\n' * 2500)|indent(4900)|length }}",
    "joining at the bound": "{{ range(550)|join('b' * 4900)|length }}",
    "centering": "{% for i in range(999) %}{{ 'a'|center(9999)|length }}{% endfor %}",
    "slicing": "{% for i in range(999) %}{{ big[::-1]|length }}{% endfor %}",
    "formatting": "{% for i in range(999) %}{{ ('%s' * 99) % (range(99)|list) }}{% endfor %}",
    "empty loops": "{% for a in range(500) %}{% for b in range(500) %}{% endfor %}{% endfor %}",
    "empty includes": "{% for i in range(2000) %}{% include 'macros' %}{% endfor %}",
    "empty imports": "{% for i in range(2000) %}{% import 'macros' as m %}{% endfor %}",
    "empty calls": "{% macro m() %}{% endmacro %}{% for i in range(9000) %}{{ m() }}{% endfor %}",
    "distinct maps": "{% for i in range(9999) %}{% set x = {i: i, 'a': [i, i]} %}{% endfor %}",
    "truth of conditions": "{% for i in range(9999) %}{% if i and i or i %}{% endif %}{% endfor %}",
    "many conditions": "{% for i in range(999) %}" + "{% if 0 %}{% endif %}" * 900 + "{% endfor %}",
    "many names read": "{% for i in range(9999) %}{% if " + "n and " * 5_000 + "0 %}{% endif %}{% endfor %}",
    "many elifs": "{% for i in range(9999) %}{% if 0 %}" + "{% elif 0 %}" * 1_900 + "{% endif %}{% endfor %}",
    "many sets": "{% for i in range(9999) %}" + "{% set a = n %}" * 1_900 + "{% endfor %}",
    "many attributes": "{% for i in range(9999) %}{% set a = shop"
    + ".tags and shop" * 3_000
    + " %}{% endfor %}",
    "conditions in a row": "{% for i in range(9999) %}{% if "
    + "0 or " * 9_000
    + "0 %}{% endif %}{% endfor %}",
}
"""May say something, be an error, or break a bound."""

CASES = {
    **{f"refused: {k}": v for k, v in REFUSED.items()},
    **{f"bounded: {k}": v for k, v in BOUNDED.items()},
}
ROOT = Path(__file__).parents[2]


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


# --- the real command --------------------------------------------------------------------------

SETTINGS = """
vars: {shop: {name: 示例, tags: [a]}}
environments: {test: {api: sandbox, ledger: sqlite}}
"""
HOSTILE_FILES = {
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nmsgtype: text\ncontent: hi\nfilter: {tag: a}\nvars: {b: *b}\n",
    "merge": "base: &base {tag: a}\nfilter: {<<: *base}\nmsgtype: text\ncontent: hi\n",
    "python": "msgtype: text\ncontent: !!python/object/apply:os.system ['touch broken']\nfilter: {tag: a}\n",
    "deep list": "msgtype: text\ncontent: " + "[" * 50_000 + "]" * 50_000 + "\n",
    "deep map": "msgtype: text\ncontent: " + "{a: " * 50_000 + "1" + "}" * 50_000 + "\n",
    "deep blocks": "".join(" " * depth + "a:\n" for depth in range(1_300)),
    "huge number": "msgtype: text\ncontent: hi\nfilter: {tag_id: 1e999999}\n",
    "long number": "msgtype: text\ncontent: hi\nfilter: {tag_id: " + "9" * 500_000 + "}\n",
    "sexagesimal number": "msgtype: text\ncontent: hi\nfilter: {tag_id: " + "1" + ":59" * 100_000 + "}\n",
    "large text": "msgtype: text\nfilter: {tag: a}\ncontent: '" + "a" * 10_000_000 + "'\n",
    "many keys": "msgtype: text\ncontent: hi\nvars: {" + ",".join(f"k{n}: 1" for n in range(80_000)) + "}\n",
    "keys twice": "msgtype: text\ncontent: hi\nvars: {" + ",".join("k: 1" for _ in range(80_000)) + "}\n",
    "many entries": "msgtype: text\ncontent: 'hi {{ nope }}'\nfilter: {tag: a}\nfor_each:\n"
    + "".join(f"  e{n}: {{}}\n" for n in range(20_000)),
    "address": "msgtype: text\ncontent: '{{ shop.items|string }}'\nfilter: {tag: a}\n",
    "mutation": 'msgtype: text\ncontent: \'{% set x = dict.update(shop, {"name": "x"}) %}x\'\nfilter: {tag: a}\n',
    "bomb": "msgtype: text\ncontent: '{{ \"a\" * 10 ** 10 }}'\nfilter: {tag: a}\n",
}


def command(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "wechat_campaigns", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", **more},
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000)),
    )


def folder_of(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "checkout"
    (folder / "campaigns").mkdir(parents=True)
    (folder / "campaigns" / "_settings.yaml").write_text(SETTINGS)
    for name, text in files.items():
        (folder / "campaigns" / f"{name}.yaml").write_text(text)
    return folder


@pytest.mark.parametrize("name", HOSTILE_FILES)
@pytest.mark.deep
def test_file_is_a_problem_and_no_more(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, bad=HOSTILE_FILES[name])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = command(folder, "validate", "campaigns")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 3, done.stdout[-500:] + done.stderr[-500:]
    assert "campaigns/bad.yaml" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (folder / "broken").exists()
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 30


@pytest.mark.deep
def test_a_file_that_ends_its_process_leaves_the_others(tmp_path: Path) -> None:
    good = "msgtype: text\ncontent: hi\nfilter: {tag: a}\n"
    folder = folder_of(tmp_path, bad=good.replace("hi", "bang"), good=good)
    (folder / "sitecustomize.py").write_text(
        "import os, signal, wechat_campaigns.render.render as r\n"
        "real = r.render\n"
        "def render(campaign, **more):\n"
        "    if campaign.content == 'bang': os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return real(campaign, **more)\n"
        "import wechat_campaigns.render.compile; wechat_campaigns.render.compile.render = render\n"
    )
    done = command(folder, "validate", "campaigns", PYTHONPATH=f"{folder}{os.pathsep}{ROOT}")
    assert done.returncode == 3, done.stderr
    problems = [line for line in done.stdout.splitlines() if " error: " in line]
    assert len(problems) == 1, done.stdout
    assert problems[0].startswith("campaigns/bad.yaml:1:")
    assert "resource-limit" in problems[0]


@pytest.mark.deep
def test_three_plans_are_one(tmp_path: Path) -> None:
    """Any process, any seed, any subset, whoever else is there: the same digests."""
    files = {
        f"c{number}": f"msgtype: text\nfilter: {{tag: a}}\ncontent: |\n  {text} {number}\n"
        for number, text in enumerate(
            (
                "{{ shop.name|upper }}",
                "{% for k, v in shop|dictsort %}{{ k }}{% endfor %}",
                "{% for k in shop %}{{ k }}{% endfor %}{{ shop.tags|unique|join }}",
                "{% set ns = namespace(a=shop.tags) %}{% set ns.a = ns.a + ['b'] %}{{ ns.a|join }}",
                "{% set d = dict(shop=1) %}{{ d.shop }}{{ shop.values()|first }}",
            )
        )
    }
    folder = folder_of(tmp_path, **files)
    hostile = "msgtype: text\ncontent: '{{ shop.%s }}'\nfilter: {tag: a}\n"
    digests = []
    for seed, extra, chosen in (("1", "", []), ("2", "clear()", []), ("3", "items|string", ["c3", "c1"])):
        if extra:
            (folder / "campaigns" / "aa.yaml").write_text(hostile % extra)
        done = command(
            folder, "plan", "--offline", "--format", "json", *(chosen or files), PYTHONHASHSEED=seed
        )
        plan = json.loads(done.stdout)
        digests.append({send["id"]: send["content_digest"] for send in _sends(plan)})
    assert len(digests[0]) == 5
    assert digests[0] == digests[1]
    assert digests[2] == {name: digests[0][name] for name in ("c1", "c3")}


def _sends(plan: Any) -> list[dict[str, Any]]:
    return [item for item in plan["sends"] if "content_digest" in item]


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
