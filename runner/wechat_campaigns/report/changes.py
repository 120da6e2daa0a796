"""Write what was edited in a send: as a sentence for its row, and as a diff."""

from difflib import SequenceMatcher, unified_diff
from itertools import takewhile, zip_longest

from wechat_article.parts import PLACEHOLDER_SCHEME
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Send, filter_form
from wechat_campaigns.plan.hints import first_of
from wechat_campaigns.plan.review import SendChange
from wechat_campaigns.plan.rule_changes import UNSET
from wechat_campaigns.report.phrases import recipients, window

MOST_EDITS = 6
"""Edits of one send that a sentence names; it counts the others."""
WHOLE_CHARS, EXCERPT_CHARS, CONTEXT_CHARS = 60, 40, 8
"""A text that is shown whole; how much is shown of a longer one, and how much before what differs in it."""


def change_text(change: SendChange, timezone: str) -> str:
    """Write what was edited, before → after: files first, then recipients, time and links, then words."""
    if change.before is None or change.after is None:
        return ""
    old, new = (_without_targets(one, timezone) for one in (change.before, change.after))
    was, now = (frozenset(one.filter.openids) for one in (change.before, change.after))
    found = []
    if was and now and was != now:
        text = _("list of openids: {added:,} added, {removed:,} removed, now {total:,}")
        found = [text.format(added=len(now - was), removed=len(was - now), total=len(now))]
        old, new = old[1:], new[1:]  # without the line that has its digest
    pairs: list[tuple[str, str]] = []
    for kind, start, end, first, last in SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            pairs += zip_longest(old[start:end], new[first:last], fillvalue="")
    pairs.sort(key=lambda pair: not "".join(pair).startswith("["))
    found += [_edit(*pair) for pair in pairs if any(pair)]
    return first_of(found or [_("an option, or the markup of an article")], MOST_EDITS, separator="; ")


def change_diff(change: SendChange, timezone: str) -> str:
    """Write what was edited as a diff; empty where its lines are the same."""
    if change.before is None or change.after is None:
        return ""
    old, new = (send_lines(one, timezone) for one in (change.before, change.after))
    return "\n".join(list(unified_diff(old, new, lineterm=""))[2:])


def send_lines(send: Send, timezone: str) -> list[str]:
    """Write a send as lines: to whom, when, where its words lead, what."""
    listed = filter_form(send).get("openids", {}).get("sha256", "")[:12]  # another list of the same length
    head = [
        _("to: {recipients}").format(
            recipients=_(", ").join(filter(None, [recipients(send.filter), listed]))
        ),
        _("account: {name}").format(name=send.account),
        _("when: {window}").format(window=window(send, timezone)),
    ]
    if send.revision > 1:
        head.append(f"revision: {send.revision}")
    if send.by_hand:
        head.append("send: by_hand")
    if send.send_ignore_reprint:
        head.append("send_ignore_reprint: true")
    if send.filter.skip_unsubscribed:
        head.append("skip_unsubscribed: true")
    shown = send.content.visible
    link, picture = _("link {words}: {target}"), _("picture: {address}")
    links = [
        link.format(words=one.text, target=one.target) for one in shown.links() if one.text != one.address
    ]
    fetched = (one for one in shown.reading.fetched if not one.startswith(PLACEHOLDER_SCHEME))
    links += [picture.format(address=one) for one in fetched]
    return [*head, f"msgtype: {send.msgtype}", *links, "", *shown.lines()]


def _without_targets(send: Send, timezone: str) -> list[str]:
    """Write the same lines without the targets of links in the text: each has a line of its own."""
    text = "\n".join(send_lines(send, timezone))
    for link in send.content.visible.links():
        text = text.replace(f"[→ {link.target}]", "")
    return [" ".join(line.split()) for line in text.split("\n")]


def _edit(*lines: str) -> str:
    """Write two lines as one: what they begin with in common once, and of long ones what differs."""
    before, after = (line.strip("[]") if line.startswith("[") else line for line in lines)
    name, colon, _rest = after.partition(_(": "))
    label = f"{name}{colon}" if colon and before.startswith(f"{name}{colon}") else ""
    texts = [line.removeprefix(label) or UNSET for line in (before, after)]
    (was, comma, _digest), (now, _comma, _other) = (text.rpartition(", ") for text in texts)
    if lines[1].startswith("[") and comma and was == now:
        return label + _("another file, with the same name {file}").format(file=now)
    if max(map(len, texts)) > WHOLE_CHARS:
        same = sum(1 for _pair in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
        start = max(0, same - CONTEXT_CHARS)
        texts = [f"{'…' if start else ''}{_beginning(text[start:])}" for text in texts]
    return f"{label[:WHOLE_CHARS]}{' → '.join(texts)}"


def _beginning(text: str) -> str:
    return text if len(text) <= EXCERPT_CHARS else f"{text[:EXCERPT_CHARS]}…"
