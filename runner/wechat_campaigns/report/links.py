"""Count where the links of a plan lead, and mark hosts that no reviewed or sent message had."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wechat_campaigns.core.html import Link
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.links import Host, hosts_of
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.plan.hints import first_of
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.review import Comparison
from wechat_campaigns.report.attention import FINISHED

MOST_HOSTS = 12
"""Hosts that a sentence names, the new ones first; it counts the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Where the links of what may still be sent lead."""

    counts: Counter[Host]
    """How many links lead to each."""
    names: dict[str, str]
    """Of mini programs, by AppID."""
    new: frozenset[Host]
    basis: str
    """What `new` means, as a sentence."""

    def new_links(self, links: Iterable[Link]) -> list[Link]:
        """List the links that lead to a new host."""
        return [link for link in links if not self.new.isdisjoint(hosts_of(link))]

    def line(self, link: Link) -> str:
        """Write a link's words and where they lead, and that this is new."""
        return _("{link} (new)").format(link=link.line) if self.new_links([link]) else link.line

    def rows(self) -> list[tuple[str, int, bool]]:
        """List each host in words, how many links lead there, and whether it is new: the new ones first."""
        ordered = sorted(self.counts.items(), key=lambda one: (one[0] not in self.new, -one[1], one[0]))
        return [(self._written(host), count, host in self.new) for host, count in ordered]

    @property
    def text(self) -> str:
        """The hosts as a sentence; empty without a link."""
        if not self.counts:
            return ""
        plain, new = _("{host} ({count:,})"), _("{host} ({count:,}, new)")
        hosts = [(new if is_new else plain).format(host=h, count=n) for h, n, is_new in self.rows()]
        template = ngettext(
            "Links lead to {count:,} host: {hosts}.", "Links lead to {count:,} hosts: {hosts}.", len(hosts)
        )
        return f"{template.format(count=len(hosts), hosts=first_of(hosts, MOST_HOSTS))} {self.basis}"

    def _written(self, host: Host) -> str:
        if host.name not in self.names:
            return host.name
        return _("mini program {name}").format(name=f"{self.names[host.name]} {host.name}".strip())


def linked_hosts(plan: Plan, comparison: Comparison | None) -> Hosts:
    """Count the hosts of what may still be sent.

    New is what no message of the commit compared with leads to; without one, no message that was sent and
    whose campaign is still there.
    """
    links = [
        link for one in plan.sends if one.action not in FINISHED for link in one.send.content.visible.links()
    ]
    counts = Counter(host for link in links for host in hosts_of(link))
    names: dict[str, str] = {}
    for link in links:
        if link.appid and not names.get(link.appid.lower()):
            names[link.appid.lower()] = link.name
    new, basis = frozenset[Host](), _("New: no campaign here that was sent has a link there.")
    sent = [one.send for one in plan.sends if one.action is PlanAction.SENT]
    before = sent if comparison is None else list(_compared(plan, comparison))
    if comparison is not None:
        basis = _("New: no campaign of {ref} has a link there.").format(ref=comparison.ref)
    elif not sent:
        basis = _("No campaign here was sent before, so none is marked as new.")
    if before or comparison is not None:
        new = frozenset(counts) - _hosts(before)
    return Hosts(counts=counts, names=names, new=new, basis=basis)


def _compared(plan: Plan, comparison: Comparison) -> Iterator[Send]:
    """Yield the sends of the commit compared with."""
    yield from (change.before for change in comparison.changes if change.before is not None)
    yield from (one.send for one in plan.sends if one.send.id in comparison.unchanged)


def _hosts(sends: Iterable[Send]) -> frozenset[Host]:
    return frozenset(
        host for send in sends for link in send.content.visible.links() for host in hosts_of(link)
    )
