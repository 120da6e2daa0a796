"""A parsed template in, the same with every step announced: what Jinja cannot intercept is paid for too.

Operators and calls are intercepted by the environment; here literals, `~`, comparisons, loops and blocks
get a filter of `jinja.Environment` put around or before them.
"""

from __future__ import annotations

from typing import Any, cast

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.templates import bounds

CHARGE, CHECK, CONCAT, RAW = " charge", " check", " concat", " raw"
"""Names of the filters used; not on the list of those a template may name, by a tag or by a value."""


class Meter(NodeTransformer):
    """Puts a charge at the head of every body and around every value made without a call."""

    depth = 0

    def visit_body(self, node: Any) -> Any:
        """Charge a body each time it runs, for a step and for the text it writes."""
        self.depth += 1
        if self.depth > bounds.MAX_NESTING:
            raise bounds.TemplateBudgetError(
                _("loops and blocks are nested more than {most} levels deep").format(most=bounds.MAX_NESTING)
            )
        self.generic_visit(node)
        self.depth -= 1
        written = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
        node.body.insert(0, _charge_for(bounds.STEP + written, node))
        if isinstance(node, nodes.For) and node.test is not None:
            node.test = _filtered(node.test, CHECK)  # runs for the elements that are left out, too
        return node

    visit_Template = visit_For = visit_Macro = visit_CallBlock = visit_Block = visit_body  # noqa: N815

    def visit_value(self, node: Any) -> Any:
        """Pay for what is made or taken out; not where a name is assigned."""
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") == "store" else _filtered(node, CHECK)

    visit_List = visit_Tuple = visit_Dict = visit_Getitem = visit_value  # noqa: N815

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Let `~` join only what is small."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), CONCAT)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        """Pay for both sides: comparing looks at all of them."""
        self.generic_visit(node)
        node.expr = _filtered(node.expr, CHECK)
        for operand in node.ops:
            operand.expr = _filtered(operand.expr, CHECK)
        return node

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:  # noqa: N802
        """Mark the text of a `set` block as made by the template, before and after its filters."""
        self.generic_visit(node)
        if node.filter is not None:
            _innermost(node.filter).node = _filtered(None, RAW)
        node.filter = _filtered(node.filter, RAW)
        return node

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> nodes.Node:  # noqa: N802
        """Mark the text that goes into the filters as made by the template."""
        self.generic_visit(node)
        _innermost(node.filter).node = _filtered(None, RAW)
        return node


def _innermost(node: nodes.Filter) -> nodes.Filter:
    """Find the filter that takes the text of a block: the one without a value of its own."""
    while isinstance(node.node, nodes.Filter):
        node = node.node
    return node


def _charge_for(units: int, node: nodes.Node) -> nodes.ExprStmt:
    return nodes.ExprStmt(_filtered(nodes.Const(units), CHARGE), lineno=node.lineno)


def _filtered(node: nodes.Node | None, name: str) -> nodes.Filter:
    lineno = node.lineno if node is not None else 1
    return nodes.Filter(cast("nodes.Expr | None", node), name, [], [], None, None, lineno=lineno)
