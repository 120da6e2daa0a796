"""Jinja made safe for a stranger's template: plain data only, a few filters, every step paid for.

Gives one `Environment` for any number of renderings in any number of threads; `running` says which
rendering the present thread is in.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

from jinja2 import FunctionLoader, StrictUndefined, Template, nodes
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import BlockReference, Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.utils import missing, pass_context

from runner.reading.nearest import ending
from runner.templates import bounds
from runner.templates import meter as jinja_meter
from runner.templates.bounds import Budget
from runner.templates.placeholders import Escape
from runner.words import _

Loader = Callable[[str], tuple[str, str, Callable[[], bool]]]

# Left out on purpose: random (chance), tojson and pprint (Python's spelling of data), and all that
# marks text as HTML (safe, escape, xmlattr, urlize): how a value is escaped is not the template's choice.
# fmt: off
FILTER_NAMES = (
    "abs", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "first", "float",
    "format", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min",
    "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "slice", "sort",
    "string", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
    "wordwrap",
)
_STR_METHODS = (
    "capitalize", "count", "endswith", "find", "isalpha", "isdigit", "islower", "isspace", "isupper",
    "lower", "lstrip", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
)
# fmt: on
_BY_ATTRIBUTE = frozenset(
    {"join", "map", "max", "min", "rejectattr", "selectattr", "sort", "sum", "unique"},
)
_LONG_NUMBER = re.compile(r"\d{1000}")
_METHODS: tuple[tuple[type | tuple[type, ...], frozenset[str]], ...] = (
    (str, frozenset(_STR_METHODS)),
    (Mapping, frozenset({"get", "items", "keys", "values"})),
    ((list, tuple, range), frozenset({"count", "index"})),
    ((int, float, complex, type(None)), frozenset()),
)


@dataclass(slots=True, kw_only=True)
class Run:
    """One rendering: the variables it knows by name, how it escapes values, what it may still spend."""

    names: frozenset[str]
    escape: Escape
    budget: Budget = field(default_factory=Budget)


_RUN: ContextVar[Run] = ContextVar("rendering")


@contextmanager
def running(run: Run) -> Iterator[Run]:
    """Make `run` the rendering of this thread for the length of a `with` block."""
    token = _RUN.set(run)
    try:
        yield run
    finally:
        _RUN.reset(token)


class _Template(Template):
    """A template whose imports are made anew: a kept one would carry one rendering's escapes to the next."""

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:  # noqa: ARG002
        return self.make_module()


class Environment(ImmutableSandboxedEnvironment):
    """The sandbox: allow-lists for filters and methods, a price for every operation.

    Args:
        load: gives the text of an included template.
    """

    template_class = _Template
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, load: Loader) -> None:
        super().__init__(
            loader=FunctionLoader(load),
            undefined=_Unknown,
            finalize=_written,
            autoescape=False,
            # A folded constant would be computed before anything is paid for.
            optimized=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.globals = {name: DEFAULT_NAMESPACE[name] for name in ("cycler", "dict", "joiner", "namespace")}
        self.globals["range"] = bounds.small_range
        self.filters = {name: _paid(FILTERS[name], name) for name in FILTER_NAMES}
        self.filters |= {
            jinja_meter.CHARGE: _charge,
            jinja_meter.CHECK: _check,
            jinja_meter.CONCAT: _concat,
            jinja_meter.RAW: _raw,
        }
        self.tests = {name: _paid(cast(Callable[..., Any], test), "") for name, test in TESTS.items()}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        bounds.size(source)
        if source.count("{{") + source.count("{%") > bounds.MAX_TAGS:
            raise bounds.TooMuchError(
                _("a template may hold at most {most:,} tags").format(most=bounds.MAX_TAGS)
            )
        if _LONG_NUMBER.search(source):
            raise bounds.TooMuchError(_("a number has more than a thousand digits"))
        tree = super()._parse(source, name, filename)
        jinja_meter.Meter().visit(tree)
        return tree

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        """Compute only what stays small."""
        return _RUN.get().budget.check(bounds.binop(operator, left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call a macro, a method or a global, and pay for what goes in and comes out."""
        budget = _RUN.get().budget
        budget.spend(bounds.CALL)
        budget.check((args, kwargs))
        result = budget.check(super().call(__context, __obj, *args, **kwargs))
        return _Raw(result) if isinstance(__obj, Macro | BlockReference) else result

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look a name up among the keys of a map before its methods."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow the listed methods of plain data, and the public names of Jinja's own objects."""
        for kind, allowed in _METHODS:
            if isinstance(obj, kind):
                return attr in allowed
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Let `str.format` be refused like any other method: its widths know no bounds."""

    def unsafe_undefined(self, obj: Any, attribute: str) -> StrictUndefined:
        """Refuse a name without showing Python's words for it."""
        hint = _("`{attribute}` cannot be used in a template").format(attribute=attribute)
        return _Unknown(hint, obj=obj, name=attribute, exc=SecurityError)


class _Unknown(StrictUndefined):
    """An unknown name; using it in any way is an error that says what was meant."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name = str(self._undefined_name)
        if self._undefined_obj is missing:
            return _("no variable named `{name}`{hint}").format(
                name=name, hint=ending(name, _RUN.get().names)
            )
        if isinstance(self._undefined_obj, Mapping):
            return _("the map has no key `{name}`{hint}").format(
                name=name, hint=ending(name, map(str, self._undefined_obj))
            )
        if isinstance(self._undefined_obj, Sequence) and isinstance(self._undefined_name, int):
            return _("no element {index}: there are only {count}, counted from 0").format(
                index=name, count=len(self._undefined_obj)
            )
        return _("the value has nothing named `{name}`").format(name=name)


class _Raw(str):
    """Text a template made by a macro or a `set` block: the values in it are escaped already."""

    __slots__ = ()


# --- paying ------------------------------------------------------------------------------------


def _paid(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Wrap a filter or test so that its arguments and its result are paid for."""
    skipped = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)
    def paid(*args: Any, **kwargs: Any) -> Any:
        budget = _RUN.get().budget
        _refuse_raw(name, args[skipped:])
        budget.check((args[skipped:], kwargs))
        bounds.check_growth(name, args[skipped:], kwargs)
        if name in _BY_ATTRIBUTE:
            budget.spend(bounds.attribute_steps(args[skipped:], kwargs))
        return budget.check(function(*args, **kwargs))

    return paid


def _refuse_raw(name: str, args: tuple[Any, ...]) -> None:
    """In an article the values inside such text are escaped already: a filter would garble them."""
    if _RUN.get().escape is not str and args and isinstance(args[0], _Raw):
        raise TypeError(
            _(
                "in an article `{name}` cannot change the text of a macro or block; filter the values "
                "inside it"
            ).format(name=name)
        )


@pass_context
def _written(_context: Context, value: Any) -> str:
    """Turn the value of `{{ … }}` into text."""
    run = _RUN.get()
    if not isinstance(value, str | int | float | StrictUndefined):
        raise TypeError(_not_text(value))
    text = value if isinstance(value, _Raw) else run.escape(bounds.text_of(value))
    run.budget.spend(bounds.STEP + len(text))
    return text


def _not_text(value: Any) -> str:
    if value is None:
        return _("nothing (null) cannot be written as text")
    if isinstance(value, Mapping):
        return _("a map cannot be written as text")
    if isinstance(value, list | tuple | range):
        return _("a list cannot be written as text")
    return _("a thing of this kind cannot be written as text")


@pass_context
def _charge(_context: Context, units: int) -> None:
    _RUN.get().budget.spend(units)


@pass_context
def _check(_context: Context, value: Any) -> Any:
    return _RUN.get().budget.check(value)


@pass_context
def _concat(_context: Context, values: Sequence[Any]) -> str:
    bounds.size(values)
    text: str = _RUN.get().budget.check("".join(map(bounds.text_of, values)))
    return text


@pass_context
def _raw(_context: Context, text: str) -> str:
    return _Raw(_RUN.get().budget.check(text))
