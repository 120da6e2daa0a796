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
    "class-item-format": "{{ x['%sclass%s'|format('__', '__')] }}",
    "class-item-reverse": "{{ x['__ssalc__'|reverse] }}",
    "class-sum": "{{ [x]|sum(attribute='__class__') }}",
    "class-sort": "{{ [x]|sort(attribute='__class__')|join }}",
    "class-groupby": "{{ [x]|groupby('__class__') }}",
    "class-selectattr": "{{ [x]|selectattr('__class__')|list }}",
    "mro-popen": "{{ ''.__class__.mro()[1].__subclasses__()[132]('touch @MARKER@', shell=True) }}",
    "self-eval": '{{ self.__init__.__globals__.__builtins__.exec(\'open("@MARKER@", "w")\') }}',
    "varargs": "{% macro a() %}{{ varargs.__class__ }}{% endmacro %}{{ a(1) }}",
    "block-super": "{% block a %}{{ super.__class__ }}{% endblock %}",
    "format-attr": "{{ ('{0.__class__}'|attr('format'))(x) }}",
    "format-bound": "{{ [x]|map('{0.__class__}'.format)|join }}",
    "autoescape-tag": "{% autoescape false %}{{ x }}{% endautoescape %}",
    "safe": "{{ x|safe }}",
    "urlize": "{{ x|urlize(target='\"onclick=') }}",
    "import-os": "{% import 'os' as os %}{{ os.system('touch @MARKER@') }}",
    "call-open": "{{ open('/etc/passwd').read() }}",
    "environ": "{{ environ['WECHAT_MAIN_SECRET'] }}",
    "line-statement": "# for a in l\n{{ a.__class__ }}",
    "generator": "{{ (l|map('string')).gi_frame }}",
    "markup-format": "{% set a %}{0.__class__}{% endset %}{{ a.format(x) }}",
    "namespace-set": "{% set a = namespace() %}{% set a.__class__ = 1 %}",
    "set-self": "{% set self = x %}{{ self.__class__ }}",
}
PATHS = {
    "include-up": "{% include '../../../secret.txt' %}",
    "include-env": "{% include '../.env' %}",
    "include-absolute": "{% include '@TRAP@/secret.txt' %}",
    "include-passwd": "{% include '/etc/passwd' %}",
    "include-zero": "{% include '/dev/zero' %}",
    "include-url": "{% include 'http://127.0.0.1:@PORT@/' %}",
    "include-backslash": r"{% include '..\..\secret.txt' %}",
    "include-nul": r"{% include 'a\x00b' %}",
    "include-newline": "{% include 'a\nb' %}",
    "include-empty": "{% include '' %}",
    "include-settings": "{% include '_settings.yaml/../../secret.txt' %}",
    "include-list": "{% include ['nobody.txt', '../../secret.txt'] %}",
    "include-missing": "{% include '../../secret.txt' ignore missing %}",
    "include-computed": "{% include '..' ~ '/../secret.txt' %}",
    "include-long": "{% include 'a' * 5000 %}",
    "include-object": "{% include self %}",
    "import-up": "{% import '../../secret.txt' as a %}",
    "extends-up": "{% extends '../../secret.txt' %}",
    "import-context": "{% import '/proc/self/environ' as a with context %}{{ a }}",
}
FLOODS = {
    "multiply": "{{ 'a' * 1000000000 }}",
    "multiply-list": "{{ ([0] * 1000000000)|length }}",
    "range": "{{ range(1000000000)|list }}",
    "nested-silent": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "doubling": "{% set a = namespace(s='ab') %}{% for i in range(60) %}{% set a.s = a.s ~ a.s %}{% endfor %}{{ a.s }}",
    "recursion": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursion-mutual": "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursion-wide": "{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(60) }}",
    "format-width": "{{ '%1000000000d'|format(1) }}",
    "batch-zero": "{{ l|batch(0)|list }}",
    "int-base": "{{ ('9' * 100000)|int }}",
    "float-huge": "{{ ('1e' ~ '9' * 1000)|float }}",
    "map-center": "{{ range(9999)|map('center', 100000)|join }}",
    "dictsort": "{{ {" + ", ".join(f"'k{n}': {n}" for n in range(3000)) + "}|dictsort|join }}",
    "parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "tilde": "{{ x" + " ~ x" * 6_000 + " }}",
    "ternary": "{{ " + "1 if x else " * 3000 + "2 }}",
    "comment-open": "{# " * 20_000,
    "raw-open": "{% raw %}" + "{{ x" * 20_000,
    "string-open": "{{ '" + "a" * 100_000,
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
    "nested-silent": Bound.CPU, "recursion-wide": Bound.CPU, "multiply-list": Bound.MEMORY,
    "doubling": Bound.MEMORY, "format-width": Bound.MEMORY, "multiply": Bound.MEMORY, "range": None, "recursion": None,
    "number-long": None, "parentheses": None,
}  # fmt: skip
"""The bound that each of these breaks, or none; `test_bounds.py` alone runs them."""
MAYBE_ESCAPES = ("class-sort", "autoescape-tag")
"""What they try has no effect; a refusal is as right."""
