"""Templates that try to leave their sandbox, to fake text, or to use up the machine."""

# ruff: noqa: E501 (tables: a case a line)

from tests.hostile.corpus.case import VARIABLES, Case, text
from wechat_campaigns.core.fence import Bound

ESCAPES = {
    # Of those that a template names plainly, `test_templates` has a table.
    "class-join": "{{ x['__cl' ~ 'ass__'] }}",
    "class-attr-join": "{{ x|attr(['__cla', 'ss__']|join) }}",
    "class-attr-hex": r'{{ x|attr("\x5f\x5fclass\x5f\x5f") }}',
    "class-item-hex": r'{{ x["\x5f\x5fclass\x5f\x5f"] }}',
    "class-item-unicode": r'{{ x["\u005f\u005fclass\u005f\u005f"] }}',
    "class-item-format": "{{ x['%sclass%s'|format('__', '__')] }}",
    "class-item-reverse": "{{ x['__ssalc__'|reverse] }}",
    "class-item-replace": "{{ x['~~class~~'|replace('~', '_')] }}",
    "class-item-lower": "{{ x['__CLASS__'|lower] }}",
    "class-sum": "{{ [x]|sum(attribute='__class__') }}",
    "class-sort": "{{ [x]|sort(attribute='__class__')|join }}",
    "class-groupby": "{{ [x]|groupby('__class__') }}",
    "class-selectattr": "{{ [x]|selectattr('__class__')|list }}",
    "class-rejectattr": "{{ [x]|rejectattr('__class__.__name__', 'eq', 'str')|join }}",
    "class-unique": "{{ [x]|unique(attribute='__class__')|list }}",
    "class-min": "{{ [x, x]|min(attribute='__class__') }}",
    "mro-popen": "{{ ''.__class__.mro()[1].__subclasses__()[132]('touch @MARKER@', shell=True) }}",
    "default-class": "{{ (nobody|default('')).__class__ }}",
    "cycler": "{{ cycler.__init__.__globals__.os.popen('touch @MARKER@').read() }}",
    "cycler-call": "{{ cycler('a', 'b').next.__func__.__globals__ }}",
    "lipsum": "{{ lipsum.__globals__['os'].popen('touch @MARKER@').read() }}",
    "lipsum-many": "{{ lipsum(n=100000) }}",
    "self-eval": '{{ self.__init__.__globals__.__builtins__.exec(\'open("@MARKER@", "w")\') }}',
    "caller": "{% macro a() %}{{ caller.__class__ }}{% endmacro %}{% call a() %}{% endcall %}",
    "varargs": "{% macro a() %}{{ varargs.__class__ }}{% endmacro %}{{ a(1) }}",
    "block-super": "{% block a %}{{ super.__class__ }}{% endblock %}",
    "format-attr": "{{ ('{0.__class__}'|attr('format'))(x) }}",
    "format-item": "{{ '{0.__class__}'['format'](x) }}",
    "format-getter": "{% set f = '{0.__class__}'.format %}{{ f(x) }}",
    "format-map-filter": "{{ ['{0.__class__}']|map('format', x)|join }}",
    "format-bound": "{{ [x]|map('{0.__class__}'.format)|join }}",
    "dict-setdefault": "{{ m.setdefault('y', 1) }}",
    "autoescape-tag": "{% autoescape false %}{{ x }}{% endautoescape %}",
    "safe": "{{ x|safe }}",
    "forceescape": "{{ x|forceescape }}",
    "escape": "{{ x|escape }}",
    "urlize": "{{ x|urlize(target='\"onclick=') }}",
    "striptags": "{{ ('<' * 50000)|striptags }}",
    "filesizeformat": "{{ 1|filesizeformat }}",
    "filter-by-space": "{{ l|map(' attr', '__class__')|join }}",
    "filter-unknown": "{{ x|nobody }}",
    "filter-from-variable": "{{ l|map(x)|list }}",
    "test-unknown": "{{ x is nobody }}",
    "test-from-variable": "{{ l|select('__class__')|list }}",
    "int-from-bytes": "{{ n.from_bytes('a') }}",
    "import-os": "{% import 'os' as os %}{{ os.system('touch @MARKER@') }}",
    "call-builtin": "{{ __import__('os').system('touch @MARKER@') }}",
    "call-open": "{{ open('/etc/passwd').read() }}",
    "call-eval": "{{ eval('1') }}",
    "environ": "{{ environ['WECHAT_MAIN_SECRET'] }}",
    "line-statement": "# for a in l\n{{ a.__class__ }}",
    "generator": "{{ (l|map('string')).gi_frame }}",
    "markup-escape": "{% set a %}<b>{% endset %}{{ a.__html__() }}",
    "markup-format": "{% set a %}{0.__class__}{% endset %}{{ a.format(x) }}",
    "markup-unescape": "{% set a %}&lt;{% endset %}{{ a.unescape() }}",
    "namespace-set": "{% set a = namespace() %}{% set a.__class__ = 1 %}",
    "set-self": "{% set self = x %}{{ self.__class__ }}",
}
PATHS = {
    "include-up": "{% include '../../../secret.txt' %}",
    "include-beside": "{% include '../secret.txt' %}",
    "include-env": "{% include '../.env' %}",
    "include-git": "{% include '../.git/config' %}",
    "include-absolute": "{% include '@TRAP@/secret.txt' %}",
    "include-passwd": "{% include '/etc/passwd' %}",
    "include-proc": "{% include '/proc/self/environ' %}",
    "include-stdin": "{% include '/dev/stdin' %}",
    "include-zero": "{% include '/dev/zero' %}",
    "include-home": "{% include '~/.netrc' %}",
    "include-variable": "{% include '$HOME/.netrc' %}",
    "include-url": "{% include 'http://127.0.0.1:@PORT@/' %}",
    "include-file-url": "{% include 'file:///etc/passwd' %}",
    "include-unc": r"{% include '\\127.0.0.1\share\a' %}",
    "include-backslash": r"{% include '..\..\secret.txt' %}",
    "include-nul": r"{% include 'a\x00b' %}",
    "include-nul-up": r"{% include '../\x00' %}",
    "include-newline": "{% include 'a\nb' %}",
    "include-dot": "{% include '.' %}",
    "include-empty": "{% include '' %}",
    "include-slash": "{% include '/' %}",
    "include-settings": "{% include '_settings.yaml/../../secret.txt' %}",
    "include-list": "{% include ['nobody.txt', '../../secret.txt'] %}",
    "include-missing": "{% include '../../secret.txt' ignore missing %}",
    "include-computed": "{% include '..' ~ '/../secret.txt' %}",
    "include-long": "{% include 'a' * 5000 %}",
    "include-number": "{% include 7 %}",
    "include-object": "{% include self %}",
    "import-up": "{% import '../../secret.txt' as a %}",
    "from-up": "{% from '../../secret.txt' import a %}",
    "extends-up": "{% extends '../../secret.txt' %}",
    "extends-absolute": "{% extends '/etc/passwd' %}",
    "import-context": "{% import '/proc/self/environ' as a with context %}{{ a }}",
}
FLOODS = {
    "multiply": "{{ 'a' * 1000000000 }}",
    "multiply-list": "{{ ([0] * 1000000000)|length }}",
    "power-mid": "{{ (9 ** 100000) ** 1000 }}",
    "range": "{{ range(1000000000)|list }}",
    "range-loop": "{% for a in range(100000000) %}a{% endfor %}",
    "nested-loops": "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}",
    "nested-silent": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "doubling": "{% set a = namespace(s='ab') %}{% for i in range(60) %}{% set a.s = a.s ~ a.s %}{% endfor %}{{ a.s }}",
    "doubling-list": "{% set a = namespace(s=[1]) %}{% for i in range(60) %}{% set a.s = a.s + a.s %}{% endfor %}",
    "recursion": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursion-mutual": "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursion-wide": "{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(60) }}",
    "center": "{{ x|center(1000000000) }}",
    "center-negative": "{{ x|center(-1) }}{{ x|center(999999999999999999999) }}",
    "format-width": "{{ '%1000000000d'|format(1) }}",
    "format-star": "{{ '%*d'|format(1000000000, 1) }}",
    "replace": "{{ big|replace('', big * 1000) }}",
    "replace-chain": "{{ big" + "|replace('a', 'aaaaaaaaaa')" * 12 + " }}",
    "join": "{{ range(9999)|join(big * 1000) }}",
    "batch-zero": "{{ l|batch(0)|list }}",
    "slice-zero": "{{ l|slice(0)|list }}",
    "int-base": "{{ ('9' * 100000)|int }}",
    "int-huge": "{{ (2 ** 100000)|string }}",
    "float-huge": "{{ ('1e' ~ '9' * 1000)|float }}",
    "truncate": "{{ big|truncate(-1000000000) }}",
    "unique": "{{ range(9999)|map('string')|unique|map('center', 20000)|join }}",
    "map-center": "{{ range(9999)|map('center', 100000)|join }}",
    "map-default": "{{ range(9999)|map('default', big)|map('string')|join(big) }}",
    "dictsort": "{{ {" + ", ".join(f"'k{n}': {n}" for n in range(3000)) + "}|dictsort|join }}",
    "parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "plus": "{{ 1" + " + 1" * 20_000 + " }}",
    "tilde": "{{ x" + " ~ x" * 6_000 + " }}",
    "ternary": "{{ " + "1 if x else " * 3000 + "2 }}",
    "comment-open": "{# " * 20_000,
    "variable-open": "{{ " * 20_000,
    "raw-open": "{% raw %}" + "{{ x" * 20_000,
    "string-open": "{{ '" + "a" * 100_000,
    "calls": "{{ dict(" + ", ".join(f"a{n}=1" for n in range(2000)) + ") }}",
    "number-long": "{{ " + "9" * 100_000 + " }}",
    "unicode-name": "{{ " + "名" * 50_000 + " }}",
}
PLAIN = {
    "yaml-in-text": "a\n---\nfilter: {is_to_all: true}",
    "html-in-text": "<script>fetch('http://127.0.0.1:@PORT@/')</script>",
    "workflow-command": "::set-output name=digest::1\n::add-mask::*",
    "workflow-file": "ok=1\nEOF\nGITHUB_ENV=@MARKER@",
    "mentions": "@everyone @here #1 !2 &3",
    "markdown": "![x](http://127.0.0.1:@PORT@/) [y](javascript:alert(1)) <img src=http://127.0.0.1:@PORT@/>",
    "details": "</details></td></table><!-- ",
    "fence": "````\n```\n~~~\n",
    "shell": "$(touch @MARKER@) `touch @MARKER@` ; touch @MARKER@ | touch @MARKER@",
    "csv": '=cmd|"/c touch @MARKER@"!A1',
}


def include_loops() -> list[Case]:
    """Files that include themselves, one another, or a great many."""
    loops = {
        "include-self": {"p.txt": "{% include 'include-self/p.txt' %}"},
        "include-pair": {"p.txt": "{% include 'include-pair/q.txt' %}", "q.txt": "{% include 'include-pair/p.txt' %}"},
        "extends-self": {"p.txt": "{% extends 'extends-self/p.txt' %}"},
        "import-self": {"p.txt": "{% import 'import-self/p.txt' as a %}{{ a }}"},
        "include-in-loop": {"p.txt": "{% for a in range(9999) %}{% include 'include-in-loop/q.txt' %}{% endfor %}",
                            "q.txt": "{% for a in range(9999) %}a{% endfor %}"},
        "include-fan": {"p.txt": "{% include 'include-fan/q.txt' %}" * 500,
                        "q.txt": "{% include 'include-fan/r.txt' %}" * 500, "r.txt": "a" * 1000},
    }  # fmt: skip
    return [
        Case(name=name, files={"c.yaml": text(f"{{% include '{name}/p.txt' %}}"), **files})
        for name, files in loops.items()
    ]


def cases() -> dict[str, list[Case]]:
    """Return the cases in batches that share a checkout."""

    def of(table: dict[str, str], refused: bool | None, **more: bool) -> list[Case]:
        return [
            Case(name=name, files={"c.yaml": text(body, more=VARIABLES)}, refused=refused, **more)
            for name, body in table.items()
        ]

    maybe = {name: FLOODS[name] for name in MAYBE}
    floods = {name: body for name, body in FLOODS.items() if name not in (*maybe, *FENCED)}
    idle = {name: ESCAPES[name] for name in MAYBE_ESCAPES}
    escapes = {name: body for name, body in ESCAPES.items() if name not in idle}
    return {
        "escapes": of(escapes, True) + of(idle, None),
        "paths": of(PATHS, True),
        "floods": of(floods, True),
        "floods-2": of(maybe, None) + include_loops(),
        "plain": of(PLAIN, None),
    }


MAYBE = ("int-base", "float-huge")
"""Harmless by their numbers: a refusal is as right."""
FENCED: dict[str, Bound | None] = {
    "power-mid": Bound.CPU, "nested-silent": Bound.CPU, "recursion-wide": Bound.CPU,
    "multiply-list": Bound.MEMORY, "doubling": Bound.MEMORY, "doubling-list": Bound.MEMORY, "join": Bound.MEMORY,
    "format-width": None, "format-star": None, "multiply": None, "center": None, "replace": None,
    "range": None, "range-loop": None, "nested-loops": None, "recursion": None, "number-long": None,
    "parentheses": None, "plus": None,
}  # fmt: skip
"""The bound that each of these breaks, or none; `test_bounds.py` alone runs them."""
MAYBE_ESCAPES = ("class-sort", "autoescape-tag")
"""What they try has no effect; a refusal is as right."""
