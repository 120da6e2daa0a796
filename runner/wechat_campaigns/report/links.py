"""Count where the links of a plan lead, and mark what neither a reviewed nor a sent message led to."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from wechat_campaigns.core.html import Link
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.links import hosts_of
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.plan.hints import first_of
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.review import Comparison
from wechat_campaigns.report.attention import FINISHED

MOST_HOSTS = 12
"""Hosts that a sentence names; it counts the others."""


class Hosts(NamedTuple):
    """Where the links of what may still be sent lead."""

    rows: list[tuple[str, int, bool]]
    """Each host, or mini program by name and AppID, how many links lead there, and whether it is new."""
    basis: str
    """What *new* means, as a sentence."""

    def new_links(self, links: Iterable[Link]) -> list[Link]:
        """List the links that lead to a new host."""
        new = {host for host, _count, is_new in self.rows if is_new}
        return [link for link in links if not new.isdisjoint(_leads(link))]

    def line(self, link: Link) -> str:
        """Write the words of a link, where they lead, and whether this is new."""
        return _("{link} (new)").format(link=link.line) if self.new_links([link]) else link.line

    @property
    def text(self) -> str:
        """The hosts as a sentence, the new ones first; empty without a link."""
        plain, new = _("{host} ({count:,})"), _("{host} ({count:,}, new)")
        hosts = [(new if is_new else plain).format(host=host, count=n) for host, n, is_new in self.rows]
        text = _("Links lead to: {hosts}. {basis}")
        return text.format(hosts=first_of(hosts, MOST_HOSTS), basis=self.basis) if hosts else ""


def linked_hosts(plan: Plan, comparison: Comparison | None) -> Hosts:
    """Count the hosts of what may still be sent.

    New is what no send of the commit compared with leads to; without one, no send that was made and whose
    campaign is still there.
    """
    before = [one.send for one in plan.sends if one.action is PlanAction.SENT]
    basis = _("New: no campaign here that was sent has a link there.")
    if comparison is not None and comparison.commit:
        before = [change.before for change in comparison.changes if change.before is not None]
        before += [one.send for one in plan.sends if one.send.id in comparison.unchanged]
        basis = _("New: before these changes, no campaign had a link there.")
    elif not before:
        basis = _("No campaign here was sent before, so none is marked as new.")
    known = _counted(before) if before or (comparison is not None and comparison.commit) else None
    counts = _counted(one.send for one in plan.sends if one.action not in FINISHED)
    rows = [(host, count, known is not None and host not in known) for host, count in counts.items()]
    return Hosts(sorted(rows, key=lambda row: (not row[2], -row[1], row[0])), basis)


def _counted(sends: Iterable[Send]) -> Counter[str]:
    links = (link for send in sends for link in send.content.visible.links())
    return Counter(host for link in links for host in _leads(link))


def _leads(link: Link) -> list[str]:
    """Return the host of a link, or the name and AppID of its mini program and the hosts in its path."""
    first, *others = [host.name for host in hosts_of(link)] or [""]
    place = _("mini program {name}") if link.appid else "{name}"
    return list(filter(None, [place.format(name=f"{link.name} {first}".strip()), *others]))
