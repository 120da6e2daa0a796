"""The rules about what is sent: where its links lead, and whether it was sent under another name."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import INVISIBLE
from wechat_campaigns.ledger.records import may_have_reached
from wechat_campaigns.plan.policy.rule import RuleInput, Trait, Violation, rule
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.source.scaffold import SAMPLES


@rule(Trait.READS_CONTENT)
def allowed_links(allowed: tuple[str, ...], facts: RuleInput) -> Violation | None:
    """Links lead only to listed hosts and what lies below them."""
    listed = (*allowed, *facts.policy.allowed_mini_programs)
    foreign = sorted({host.name for host in facts.content.hosts() if not host.is_among(listed)})
    if not foreign:
        return None
    what = _("the message links to {hosts}, which `policy.allowed_links` does not list")
    hint = _(
        "remove the link, add the host to `policy.allowed_links`, or put a blank between a host and words"
    )
    return Violation(what.format(hosts=_(", ").join(foreign)), hint)


@rule(Trait.READS_CONTENT)
def allowed_mini_programs(allowed: tuple[str, ...], facts: RuleInput) -> Violation | None:
    """Text and articles open only listed mini programs."""
    opened = {link.appid.strip().lower() for link in facts.content.links() if link.appid}
    foreign = sorted(opened - set(allowed))
    if not foreign:
        return None
    what = _(
        "the message opens the mini program {appids}, which `policy.allowed_mini_programs` does not list"
    )
    return Violation(
        what.format(appids=_(", ").join(foreign)),
        _("remove the link, or add the AppID to `policy.allowed_mini_programs`"),
    )


@rule()
def duplicate_content_days(days: int, facts: RuleInput) -> Violation | None:
    """The same content to the same recipients under another id is most likely a renamed file."""
    if days == 0:
        return None
    since = facts.now - timedelta(days=days)
    state = facts.state
    mine = {normalize_id(name) for name in (facts.send.id, *facts.send.formerly)}
    twins = [facts.duplicate_of] if facts.duplicate_of else []
    twins += [
        known.send
        for known in state.sends_by_content(facts.account.appid, facts.content_digest)
        if normalize_id(known.send) not in mine and known.at >= since and may_have_reached(known)
    ]
    if not twins:
        return None
    return Violation(
        _("{send} already has the same content and the same recipients").format(send=twins[0]),
        _("restore the old name of the file, or change the content"),
    )


_WORD = re.compile(r"[\u2e80-\u9fff]|[^\W\u2e80-\u9fff]+")
_END = "\0"
"""Where a paragraph ends: no word goes on behind it."""


@rule(Trait.FIXED)
def sample_text(_setting: object, facts: RuleInput) -> Violation | None:
    """What `init` and `new` wrote reaches nobody outside the sandbox."""
    if facts.is_sandbox:
        return None
    texts = [part for text in facts.content.texts() for part in text]
    if not any(sample in text for sample in SAMPLES for text in texts):
        return None
    return Violation(
        _("this is still the text that `campaign init` or `campaign new` wrote"),
        _("replace it with the content to be sent"),
    )


@rule(Trait.READS_CONTENT)
def banned_words(words: tuple[str, ...], facts: RuleInput) -> Violation | None:
    """No message uses one of the listed words."""
    text = _END.join(readable_texts(facts.content))
    found = [word for word in words if folded(word) and folded(word) in text]
    if not found:
        return None
    return Violation(
        _("the message uses words of `policy.banned_words`: {words}").format(words=_(", ").join(found)),
        _("replace the words, or remove them from the list"),
    )


@rule(Trait.READS_CONTENT)
def required_text(wanted: tuple[str, ...], facts: RuleInput) -> Violation | None:
    """Every message, and every article of one, has the listed texts."""
    texts = list(readable_texts(facts.content))
    missing = [one for one in wanted if any(folded(one) not in text for text in texts)]
    if not missing:
        return None
    return Violation(
        _("the message lacks a text of `policy.required_text`: {texts}").format(texts=_(", ").join(missing)),
        _("add it to the text; to articles, each of them"),
    )


def readable_texts(content: Content) -> Iterator[str]:
    """Return the text of a message, or of each article, folded; nothing for sound, card and picture."""
    return (folded(*parts) for parts in content.texts())


def words(content: Content) -> tuple[str, ...]:
    """List the words of a message, and each two neighbours; of Chinese each character is a word."""
    found = [
        _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
        for parts in content.texts()
        for text in parts
    ]
    return tuple(item for text in found for item in (*text, *map(" ".join, pairwise(text))))


def folded(*parts: str) -> str:
    """Bring parts of a text to the form in which they are compared."""
    return _END.join(unicodedata.normalize("NFKC", part).translate(_INKED).casefold() for part in parts)


class _Inked(dict[int, int | None]):
    """For `str.translate`: drops blanks, marks and characters without ink; each is looked up once."""

    def __missing__(self, code: int) -> int | None:
        char = chr(code)
        unseen = char.isspace() or unicodedata.category(char) in ("Cf", "Mn") or INVISIBLE.match(char)
        self[code] = None if unseen else code
        return self[code]


_INKED = _Inked()
