"""Jinja made safe for a stranger's template: plain data only, a few filters, nothing of Python's insides.

Gives one `TemplateEnvironment` for any number of renderings in any number of threads; `RUN` says which
rendering the present thread is in.
"""

import functools
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import BuiltinMethodType, MethodType
from typing import Any, cast

from jinja2 import FunctionLoader, StrictUndefined, Template, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.filters import FILTERS
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, Undefined
from jinja2.sandbox import MAX_RANGE, ImmutableSandboxedEnvironment, safe_range
from jinja2.tests import TESTS
from jinja2.utils import Namespace, missing, pass_context
from jinja2.visitor import NodeTransformer

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import suggestion_suffix
from wechat_campaigns.render.templates import Escape, text_of

TEMPLATE_CACHE_SIZE = 50
"""Compiled templates kept for the next text; a large one takes megabytes."""

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
# Left out: what looks at anything but data (callable, sameas, filter, test), and `escaped`.
TEST_NAMES = (
    "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "divisibleby", "eq", "equalto", "even",
    "false", "float", "ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan", "lower",
    "lt", "mapping", "ne", "none", "number", "odd", "sequence", "string", "true", "undefined", "upper",
)
_STR_METHODS = (
    "capitalize", "count", "endswith", "find", "isalpha", "isdigit", "islower", "isspace", "isupper",
    "lower", "lstrip", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
)
_LOOP_ATTRIBUTES = (
    "changed", "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem",
    "previtem", "revindex", "revindex0",
)
# fmt: on
ATTRIBUTES: tuple[tuple[type | tuple[type, ...], frozenset[str]], ...] = (
    (str, frozenset(_STR_METHODS)),
    (dict, frozenset({"get", "items", "keys", "values"})),
    ((list, tuple), frozenset({"count", "index"})),
    (LoopContext, frozenset(_LOOP_ATTRIBUTES)),
    (BlockReference, frozenset({"super"})),
)
"""All that a template may reach with a dot, besides keys of maps, and names that templates made."""
_TEMPLATE_TYPES = (Macro, BlockReference, LoopContext)
"""What runs a part of the template when it is called, and gives its text."""
_JINJA_INTERNAL_NAMES = frozenset(("caller", "_loop_vars", "_block_vars"))
"""Arguments that Jinja adds to a call."""
_TAKES_UNDEFINED = frozenset(("d", "default", "defined", "undefined"))
"""Filters and tests that may be asked about a name that is unknown, or is not data."""
_CONCAT, _RAW = " concat", " raw"
"""Filters that `_Marks` puts in; no template may name them, by a tag or by a value."""
_MAX_NAME_CHARS = 60
HIDDEN = "…"
_ONE_PASS = (Iterator, KeysView, ValuesView, ItemsView, range)


@dataclass(slots=True, kw_only=True)
class Rendering:
    """One rendering: the names of its variables, and how it escapes values."""

    names: frozenset[str]
    escape: Escape
    sources: list[str] = field(default_factory=list)
    """The texts of the template and of what it includes."""


RUN: ContextVar[Rendering] = ContextVar("rendering")
"""The rendering of this thread."""


def display_name(name: Any) -> str:
    """Return a name for a message: where no template writes it, it is a value, and none is shown."""
    text = str(name)[:_MAX_NAME_CHARS]
    spellings = (text, text.replace("\\", "\\\\"))
    written = RUN.get().sources
    known = isinstance(name, int) or any(one in template for one in spellings for template in written)
    return text if known else HIDDEN


class _Template(Template):
    """A template whose imports are made again: a kept one would carry one rendering's escapes to the next."""

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:  # noqa: ARG002
        return self.make_module()


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox: allow-lists for filters and methods, and plain data for all of them."""

    template_class = _Template
    intercepted_binops = frozenset("%")  # which makes text of what it is given

    def __init__(self, load: Loader) -> None:
        super().__init__(
            loader=FunctionLoader(load),
            undefined=_Unknown,
            finalize=_written,
            autoescape=False,
            optimized=False,  # a folded constant would fail without its line
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=TEMPLATE_CACHE_SIZE,
        )
        self.globals = {"dict": _dict, "namespace": Namespace, "range": _range}
        self.filters = {name: _checked(FILTERS[name], name) for name in FILTER_NAMES}
        self.filters |= {_CONCAT: _concat, _RAW: _Raw}
        self.tests = {name: _checked(cast(Callable[..., Any], TESTS[name]), name) for name in TEST_NAMES}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Marks().visit(super()._parse(source, name, filename))
        return tree

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Write only plain data into a format."""
        return super().call_binop(context, operator, *plain((left, right)))

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Use a filter whose name is a value, as in `map('upper')`, if a template may name it itself."""
        return super().call_filter(_listed_name(name, FILTER_NAMES), *args, **kwargs)

    def call_test(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Use a test whose name is a value, as in `select('odd')`, if a template may name it itself."""
        return super().call_test(_listed_name(name, TEST_NAMES), *args, **kwargs)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call a macro, a listed method or a global with plain data."""
        plain((args, {name: value for name, value in kwargs.items() if name not in _JINJA_INTERNAL_NAMES}))
        if not __self.is_safe_callable(__obj):
            raise SecurityError(_("this cannot be called in a template"))
        result = __context.call(__obj, *args, **kwargs)
        if isinstance(__obj, _TEMPLATE_TYPES):
            return _Raw(result)
        return result if isinstance(result, Namespace) else plain(result)

    def is_safe_callable(self, obj: Any) -> bool:
        """Allow what templates made, the globals, and listed methods; an unknown name says so itself."""
        if isinstance(obj, (*_TEMPLATE_TYPES, Undefined)) or any(obj is one for one in self.globals.values()):
            return True
        is_method = isinstance(obj, BuiltinMethodType | MethodType)
        return is_method and obj.__name__ in _attributes_of(obj.__self__)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002
        """Allow what is listed, and names that templates made."""
        is_made = isinstance(obj, TemplateModule | Undefined | Namespace)
        return not attr.startswith("_") and (is_made or attr in _attributes_of(obj))

    def wrap_str_format(self, value: Any) -> None:
        """Leave `format` to `is_safe_attribute`, which refuses it."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute; keys of maps come first."""
        is_key = isinstance(obj, dict) and attribute in obj
        return obj[attribute] if is_key else super().getattr(obj, attribute)

    def unsafe_undefined(self, obj: Any, name: str) -> StrictUndefined:
        """Refuse a name without showing Python's words for it."""
        hint = _("`{name}` cannot be used here").format(name=display_name(name))
        return _Unknown(hint, obj=obj, name=name, exc=SecurityError)


def _dict(**items: Any) -> dict[str, Any]:
    """Stand in for the class, whose functions would change any map they are given."""
    return items


def _range(*bounds: int) -> list[int]:
    try:
        return list(safe_range(*bounds))
    except OverflowError as error:
        message = _("a range may contain at most {most:,} numbers").format(most=MAX_RANGE)
        raise TemplateRuntimeError(message) from error


def _listed_name(name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise TemplateRuntimeError(_("`{name}` cannot be used here").format(name=display_name(name)))
    return name


def _attributes_of(obj: Any) -> Iterable[str]:
    return next((names for kind, names in ATTRIBUTES if isinstance(obj, kind)), ())


class _Unknown(StrictUndefined):
    """An unknown name; using it in any way is an error that says what was meant."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name = display_name(self._undefined_name)
        if self._undefined_obj is missing:
            return _("variable `{name}` is not defined{hint}").format(
                name=name, hint=suggestion_suffix(name, RUN.get().names)
            )
        if isinstance(self._undefined_obj, Mapping):
            return _("the map has no key `{name}`{hint}").format(
                name=name, hint=suggestion_suffix(name, map(str, self._undefined_obj))
            )
        if isinstance(self._undefined_obj, Sequence) and isinstance(self._undefined_name, int):
            return _("element {index} is out of range: the list has {count}, counted from 0").format(
                index=name, count=len(self._undefined_obj)
            )
        return _("the value has no attribute `{name}`").format(name=name)


def plain(value: Any) -> Any:
    """Return a value that consists of plain data all the way down; a list of what can be read only once.

    Anything else would show where it lies in memory, which differs from machine to machine.

    Raises:
        TypeError: for anything but text, numbers, truth values, null, and lists and maps of them.
    """
    made = list(value) if isinstance(value, _ONE_PASS) else value
    waiting = [made]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            waiting += item
        elif item is not None and not isinstance(item, str | int | float):
            bool(item)  # an unknown name is an error with its own words as soon as it is looked at
            raise TypeError(_("only text, numbers, lists and maps can be used here"))
    return made


def copied(value: Any) -> Any:
    """Copy lists and maps all the way down, so that no rendering can reach the data of another."""
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list | tuple) else value


class _Raw(str):
    """Text a template made by a macro or a `set` block: the values in it are escaped already."""

    __slots__ = ()


def _checked(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Wrap a filter or test so that it takes and makes plain data."""
    skipped = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        given = args[skipped:]
        _refuse_raw(name, given)
        plain((given[1:] if name in _TAKES_UNDEFINED else given, kwargs))
        return plain(function(*args, **kwargs))

    return checked


def _refuse_raw(name: str, args: tuple[Any, ...]) -> None:
    """In an article the values inside such text are escaped already: a filter would garble them."""
    if RUN.get().escape is not str and args and isinstance(args[0], _Raw):
        raise TypeError(
            _(
                "in an article, `{name}` cannot change the text of a macro or block; apply it to "
                "the values inside"
            ).format(name=name)
        )


@pass_context
def _written(_context: Context, value: Any) -> str:
    """Turn the value of `{{ … }}` into text."""
    run = RUN.get()
    if value is None:
        raise TypeError(_("null (no value) cannot be written as text"))
    if not isinstance(value, str | int | float | StrictUndefined):
        raise TypeError(_("a list or a map cannot be written as text"))
    return value if isinstance(value, _Raw) else run.escape(text_of(value))


def _concat(values: Sequence[Any]) -> str:
    return "".join(map(text_of, plain(values)))


class _Marks(NodeTransformer):
    """Lets `~` write scalars as `{{ … }}` does, and marks the text of blocks as made by the template."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Make a filter of `~`."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), _CONCAT)

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:  # noqa: N802
        """Mark the text of a `set` block before and after its filters."""
        self.generic_visit(node)
        if node.filter is not None:
            _innermost(node.filter).node = _filtered(None, _RAW)
        node.filter = _filtered(node.filter, _RAW)
        return node

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> nodes.Node:  # noqa: N802
        """Mark the text that goes into the filters."""
        self.generic_visit(node)
        _innermost(node.filter).node = _filtered(None, _RAW)
        return node


def _innermost(node: nodes.Filter) -> nodes.Filter:
    """Find the filter that takes the text of a block: the one without a value of its own."""
    while isinstance(node.node, nodes.Filter):
        node = node.node
    return node


def _filtered(node: nodes.Node | None, name: str) -> nodes.Filter:
    lineno = node.lineno if node is not None else 1
    return nodes.Filter(cast("nodes.Expr | None", node), name, [], [], None, None, lineno=lineno)
