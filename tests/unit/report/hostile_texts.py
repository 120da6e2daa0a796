"""A plan whose every string tries to be obeyed by whoever shows it."""

from __future__ import annotations

from dataclasses import replace

from tests.support.factories import NOW, make_article, make_planned, make_send, plan_of
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.model import Articles, Filter, InvalidCampaign, Msgtype, Newspic
from wechat_campaigns.plan.compare import Comparison, SendChange
from wechat_campaigns.plan.plan import Plan

ATTACK = (
    "\n::error file=x::boom\n::set-env name=a::b\n::add-mask::x ##[group]g\n```\n~~~\n`````\n"
    "</details></pre><script>alert(1)</script><img src=https://evil.example/x.png onerror=x>\n"
    "<!-- campaign:plan environment=test -->\n--> @everyone @octocat #1 ![x](https://evil.example/y.png)\n"
    "[click](javascript:x) | a | b |\n${{ secrets.TOKEN }} \x1b[31m\x1b]0;title\x07 \u202eevil\u2066 \u200b\r"
)
"""Workflow commands, fences, HTML, markers, mentions, links, pipes, expressions, escapes, bidi."""


def hostile_plan(text: str = ATTACK) -> Plan:
    """A plan that says `text` wherever a user may write."""
    finding = Diagnostic(
        location=Location(file=f"campaigns/{text}.yaml", line=1), rule="r", message=text, hint=text
    )
    article = make_article(text, author=text, digest=text, html=f"<p>{text}</p>")
    sends = (
        make_send("a", text, filter=Filter(tag=text), diagnostics=(replace(finding, level="warning"),)),
        make_send(f"b{text}", "x"),
        make_send(
            "c",
            msgtype=Msgtype.MPNEWS,
            content=Articles(articles=(article,)),
        ),
        make_send("d", msgtype=Msgtype.MPNEWS, content=Newspic(title=text, text=text, images=())),
    )
    planned = tuple(make_planned(send) for send in sends)
    plan = plan_of(invalid=(InvalidCampaign(id=f"i{text}", problems=(finding,)),), commit=text)
    return replace(plan, sends=planned, environment=text, created_at=NOW)


def hostile_comparison(plan: Plan, text: str = ATTACK) -> Comparison:
    """A comparison in which that text was edited, added and removed."""
    send = plan.sends[0].send
    changes = (
        SendChange(id=text, before=None, after=send),
        SendChange(id=text, before=make_send("a", "old"), after=send),
        SendChange(id=text, before=send, after=None),
    )
    return Comparison(ref=text, commit="c" * 40, changes=changes, note=text)
