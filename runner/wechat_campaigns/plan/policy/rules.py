"""Every rule: about accounts, recipients and quota; what must be so before a send; and what is sent."""

import re
import unicodedata
from datetime import time, timedelta
from itertools import pairwise

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import compute_message_digest, recipients_word
from wechat_campaigns.core.names import list_id, quoted
from wechat_campaigns.core.redact import INVISIBLE
from wechat_campaigns.core.settings import AccountKind, Drift, Policy
from wechat_campaigns.ledger.records import QuotaUse, agreed_by, may_have_reached, posted_tag, posted_tag_id
from wechat_campaigns.plan.decision import campaign_parts
from wechat_campaigns.plan.hints import on_hold
from wechat_campaigns.plan.plan import Violation
from wechat_campaigns.plan.policy.rule import RuleInput, Trait, rule
from wechat_campaigns.plan.quota import (
    SERVICE_PER_MONTH,
    counts,
    period,
    quota_limit,
    reset_day,
)
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.source.scaffold import SAMPLES

# --- accounts, recipients, quota -------------------------------------------------------------------------


@rule(Trait.ALWAYS | Trait.FIXED | Trait.OF_THE_MOMENT | Trait.ASKED_LATER)
def hold(setting: bool, facts: RuleInput) -> Violation | None:
    """Nothing leaves an account that is on hold, by its ledger or by the settings."""
    name = facts.account.name
    reason = facts.state.stream(facts.account.appid).hold_reason(facts.now)
    if reason is not None:
        return Violation(*on_hold(name, reason, facts.env))
    if setting:
        return Violation(
            _("the settings put account {name} on hold").format(name=name),
            _("change `policy.hold` in the settings"),
        )
    return None


@rule(Trait.ALWAYS)
def allow_to_all(is_allowed: bool, facts: RuleInput) -> Violation | None:
    """Everyone may be addressed only where the settings say so."""
    if not facts.send.filter.is_to_all or is_allowed:
        return None
    return Violation(
        _("the filter selects every follower, which the policy does not allow"),
        _("use a tag, or set `policy.allow_to_all` in `_settings.yaml`"),
    )


@rule()
def allowed_tags(allowed: tuple[str | int, ...], facts: RuleInput) -> Violation | None:
    """Only listed tags may be addressed; everyone and openid lists have rules of their own."""
    wanted = facts.send.filter
    if wanted.tag is None and wanted.tag_id is None:
        return None
    name = wanted.tag if wanted.tag is not None else facts.tag
    if wanted.tag_id in allowed or name in allowed:
        return None
    if name is None:
        unknown = _("the name of tag_id {tag_id} is unknown, so `allowed_tags` cannot be checked")
        return Violation(
            unknown.format(tag_id=wanted.tag_id),
            _("plan with a connection to WeChat, or add the id to `policy.allowed_tags`"),
            is_unchecked=True,
        )
    listed = _(", ").join(str(tag) for tag in allowed)
    return Violation(
        _("tag {name} is not allowed; the allowed tags are {listed}").format(name=name, listed=listed),
        _("use an allowed tag, or add this one to `policy.allowed_tags`"),
    )


@rule()
def max_recipients(limit: int, facts: RuleInput) -> Violation | None:
    """An audience may not be larger than declared."""
    count = facts.audience.count
    if facts.send.by_hand or (count is not None and count <= limit):  # whom a person chooses, nobody counts
        return None
    if count is None:
        return Violation(
            _("the audience is unknown, so the limit of {limit} cannot be checked").format(limit=limit),
            _("plan with a connection to WeChat; apply counts again just before it sends"),
            is_unchecked=True,
        )
    return Violation(
        _("the audience is {count} followers; the policy allows {limit}").format(count=count, limit=limit),
        _("use a smaller tag, or raise `policy.max_recipients`"),
    )


@rule()
def audience_drift(drift: Drift, facts: RuleInput) -> Violation | None:
    """The audience may not have grown or shrunk much since the plan was reviewed."""
    count = facts.audience.count
    if not facts.applying or facts.send.by_hand:
        return None
    if facts.reviewed_count is None:
        return Violation(
            _(
                "the audience cannot be compared with the review: only a digest was passed, or the plan "
                "was made offline"
            ),
            _("apply an online plan with `--plan FILE`"),
            is_unchecked=True,
            level="advisory",
        )
    if count is None:
        return Violation(
            _("the audience is unknown; the review showed {reviewed}").format(reviewed=facts.reviewed_count),
            _("apply again when tags/get works again"),
            is_unchecked=True,
        )
    if drift.allows(facts.reviewed_count, count):
        return None
    what = _(
        "the audience is {count}, but the review showed {reviewed}: the difference exceeds "
        "{percent} % and {floor} followers"
    )
    return Violation(
        what.format(count=count, reviewed=facts.reviewed_count, percent=drift.percent, floor=drift.floor),
        _("find out why the tag changed, then plan again and have the new plan reviewed"),
    )


@rule(Trait.OF_THE_MOMENT | Trait.ASKED_LATER | Trait.OF_ALLOWANCE)
def quota(_setting: object, facts: RuleInput) -> Violation | None:
    """The account must have allowance left, as far as the ledger knows."""
    kind = facts.account.kind
    if not counts(kind, facts.send.filter.is_to_all):
        return _four_a_month(facts)
    used, limit = facts.uses(kind).made(kind), quota_limit(kind)
    if used < limit:
        return _second_that_day(facts) or _four_a_month(facts)
    what = _("the quota of {account} for {period}, which is {limit}, is used or taken by earlier sends")
    hint = _("wait until the quota resets {when}, or send from another account")
    if facts.is_later:
        hint = _("set another day in `not_before`, or send from another account")
    return Violation(
        what.format(account=facts.account.name, period=period(kind, facts.now), limit=limit),
        hint.format(when=reset_day(kind, facts.now)),
    )


@rule(Trait.OF_THE_MOMENT | Trait.ASKED_LATER | Trait.OF_ALLOWANCE)
def quota_reserve(reserve: int, facts: RuleInput) -> Violation | None:
    """Some of the allowance is kept for what nobody planned."""
    kind = facts.account.kind
    if not reserve or not counts(kind, facts.send.filter.is_to_all):
        return None
    limit = quota_limit(kind)
    remaining = limit - facts.uses(kind).made(kind)
    # Where nothing is left of a later day, `quota` warns.
    if remaining > reserve or (facts.is_later and remaining <= 0):
        return None
    what = _("sends of {account} left for {period}: {left} of {limit}; the policy keeps {reserve} in reserve")
    hint = _("wait until the quota resets {when}, or lower `policy.quota_reserve`")
    if facts.is_later:
        hint = _("set another day in `not_before`, or lower `policy.quota_reserve`")
    return Violation(
        what.format(
            account=facts.account.name,
            period=period(kind, facts.now),
            left=max(0, remaining),
            limit=limit,
            reserve=reserve,
        ),
        hint.format(when=reset_day(kind, facts.now)),
    )


def _second_that_day(facts: RuleInput) -> Violation | None:
    # The page of 服务号 has this limit in the words of 订阅号's, perhaps by renaming: so it only warns.
    day = AccountKind.SUBSCRIPTION
    if facts.account.kind is day or not facts.uses(day).made(facts.account.kind):
        return None
    what = _("{account} sends to everyone on {day} already: WeChat may refuse a second one that day")
    return Violation(
        what.format(account=facts.account.name, day=period(day, facts.now)),
        _("set another day in `not_before`; whether a 服务号 may do so twice a day is not known"),
        level="advisory",
    )


def _four_a_month(facts: RuleInput) -> Violation | None:
    if facts.account.kind is not AccountKind.SERVICE:
        return None
    mine = QuotaUse(recipients_word(facts.send.filter), facts.tag_id)
    before = facts.uses(AccountKind.SERVICE).same_recipients(mine)
    if before < SERVICE_PER_MONTH:
        return None
    what = _(
        "up to {count} messages go to these recipients in {month} before this one: WeChat skips followers "
        "who have received four, without an error"
    )
    return Violation(
        what.format(count=before, month=period(AccountKind.SERVICE, facts.now)),
        _("use another tag, or wait until next month"),
        level="advisory",
    )


# --- what must be so before a send: a preview, a trial, checks, the right moment -------------------------


@rule(Trait.OF_THE_MOMENT)
def max_sends_per_apply(_setting: object, facts: RuleInput) -> Violation | None:
    """A run that would send more than declared sends nothing: it is likely not what was meant."""
    return too_many_sends(facts.due, facts.policy)


def too_many_sends(count: int, policy: Policy) -> Violation | None:
    """Hold the sends of one run against `max_sends_per_apply`."""
    limit = policy.max_sends_per_apply
    if limit is None or count <= limit:
        return None
    what = _("this run would make {count} sends; the policy allows {limit}")
    return Violation(
        what.format(count=count, limit=limit),
        _("name the campaigns to apply, or raise `policy.max_sends_per_apply`"),
    )


@rule()
def require_preview(_setting: object, facts: RuleInput) -> Violation | None:
    """A tester must have received exactly this content."""
    if facts.content_digest in facts.state.stream(facts.account.appid).previews:
        return None
    hint = _("run `campaign preview {send}{env} --to TESTER` and check the message on the phone")
    return Violation(
        _("no tester has received this exact content"),
        hint.format(send=quoted(facts.send.id), env=facts.env),
    )


@rule(Trait.FIXED)
def require_approval_record(_setting: object, facts: RuleInput) -> Violation | None:
    """Somebody must have agreed to it on record; a plan is shown before."""
    if not facts.applying or agreed_by(facts.actor):
        return None
    return Violation(
        _("the ledger would not show who agreed to this send"),
        _("apply it under `approvals`, or at a terminal without `--auto-approve`"),
    )


@rule()
def require_not_after(_setting: object, facts: RuleInput) -> Violation | None:
    """Every send must say until when it makes sense, so that a late run does not make it."""
    if facts.send.not_after is not None:
        return None
    return Violation(
        _("the campaign does not set `not_after`"),
        _("set `not_after`, the end of the send window"),
    )


@rule(Trait.OF_THE_MOMENT)
def quiet_hours(hours: str, facts: RuleInput) -> Violation | None:
    """No message arrives at night; the begin belongs to the quiet hours, the end does not."""
    begin, end = (time.fromisoformat(part) for part in hours.split("-"))
    local = facts.now.astimezone(facts.policy.zone).time()
    quiet = begin <= local < end if begin <= end else local >= begin or local < end
    if not quiet:
        return None
    return Violation(
        _("it is {now:%H:%M}, within the quiet hours: sending is allowed again after {end:%H:%M}").format(
            now=local, end=end
        ),
        _("apply after {end:%H:%M} ({timezone})").format(end=end, timezone=facts.policy.timezone),
    )


@rule()
def require_trial(tag: str | int, facts: RuleInput) -> Violation | None:
    """A small tag must have received exactly this message, and WeChat must have confirmed it."""
    if tag in (facts.send.filter.tag, facts.send.filter.tag_id, facts.tag, facts.tag_id):
        return None
    digest = compute_message_digest(facts.send)
    fates = {
        record.fate
        for record in facts.state.stream(facts.account.appid).of_content(digest)
        if tag in (posted_tag(record), posted_tag_id(record)) and record.data.get("message_digest") == digest
    }
    if Fate.SENT in fates:
        return None
    if Fate.ACCEPTED in fates:
        return Violation(
            _("the trial to tag {tag} was accepted, but its delivery is not confirmed yet").format(tag=tag),
            _("run `campaign status`, then plan again"),
        )
    return Violation(
        _("tag {tag} has not received exactly this message as a trial").format(tag=tag),
        _("send the same content to the tag first, in a campaign or `for_each` entry of its own"),
    )


@rule(Trait.ALWAYS)
def checks(_setting: object, facts: RuleInput) -> Violation | None:
    """Every program of the settings passed the plan."""
    failed = facts.failed_checks
    if not failed:
        return None
    said = _("check {name}: {message}")
    return Violation(
        _("; ").join(said.format(name=check.name, message=message) for check, message in failed),
        _("correct what the check names, then plan again"),
        level="mandatory" if any(check.level == "mandatory" for check, _message in failed) else "advisory",
    )


# --- what is sent: where its links lead, its words, and whether it was sent under another name -----------


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
    if facts.send.for_account:  # its account may have had another name at a lower revision
        parts = campaign_parts(facts.send, state.stream(facts.account.appid))
        mine |= {normalize_id(part.send) for part in parts if part.revision < facts.send.revision}
    twins = [facts.duplicate_of] if facts.duplicate_of else []
    twins += [
        known.send
        for known in state.sends_by_content(facts.account.appid, facts.content_digest)
        if normalize_id(known.send) not in mine and known.at >= since and may_have_reached(known)
    ]
    if twins:
        return Violation(
            _("{send} already has the same content and the same recipients").format(send=twins[0]),
            _("change the content, or lower `policy.duplicate_content_days`"),
        )
    for known in state.stream(facts.account.appid).of_draft(facts.draft):
        is_mine = normalize_id(known.send) in mine or list_id(known.send) == list_id(facts.send.id)
        if not is_mine and known.at >= since and may_have_reached(known):
            return Violation(
                _("its draft was already sent as {send}").format(send=known.send),
                _("use another draft, or lower `policy.duplicate_content_days`"),
            )
    return None


@rule(Trait.ADVISORY | Trait.ASKED_LATER)
def same_content_accounts(most: int, facts: RuleInput) -> Violation | None:
    """One content from many accounts at once is what WeChat's rules call batch publishing (运营规范 3.27)."""
    if facts.content_accounts <= most:
        return None
    what = _("the same content goes to {count} accounts; `policy.same_content_accounts` allows {most}")
    return Violation(
        what.format(count=facts.content_accounts, most=most),
        _("write something of its own for each account, or send to some of them another day"),
    )


@rule(Trait.OF_THE_MOMENT)
def min_interval(minutes: int, facts: RuleInput) -> Violation | None:
    """Between two accounts that send the same content there is time."""
    if facts.content_before is None:
        return None
    send, at = facts.content_before
    ends = at + timedelta(minutes=minutes)
    if facts.now >= ends:
        return None
    what = _("{send} has the same content; the policy keeps {minutes} min between them")
    return Violation(
        what.format(send=send, minutes=minutes),
        _("apply after {end:%H:%M} ({timezone})").format(
            end=ends.astimezone(facts.policy.zone), timezone=facts.policy.timezone
        ),
    )


@rule(Trait.FIXED)
def sample_text(_setting: object, facts: RuleInput) -> Violation | None:
    """What `init` and `new` wrote reaches nobody outside the sandbox."""
    if facts.is_sandbox:
        return None
    # A card has no texts, but a number, which is its summary.
    texts = [facts.content.summary(), *(part for text in facts.content.texts() for part in text)]
    if not any(sample in text for sample in SAMPLES for text in texts):
        return None
    return Violation(
        _("this is still the text that `campaign init` or `campaign new` wrote"),
        _("replace it with the content to be sent"),
    )


@rule(Trait.READS_CONTENT)
def banned_words(words: tuple[str, ...], facts: RuleInput) -> Violation | None:
    """No message uses one of the listed words."""
    reading = facts.content.reading
    text = folded(*(part for parts in (*reading.texts, *reading.joined) for part in parts))
    found = [word for word in words if folded(word) and folded(word) in text]
    if not found:
        return None
    return Violation(
        _("the message uses words of `policy.banned_words`: {words}").format(words=_(", ").join(found)),
        _("replace the words, or remove them from the list"),
    )


@rule(Trait.READS_CONTENT)
def required_text(wanted: tuple[str, ...], facts: RuleInput) -> Violation | None:
    """Every message, and every article of one, has the listed texts, where they are easy to see."""
    reading = facts.content.reading
    texts = [folded(*parts) for parts in reading.legible or reading.texts]
    missing = [one for one in wanted if any(folded(one) not in text for text in texts)]
    if not missing:
        return None
    return Violation(
        _("the message lacks a text of `policy.required_text`: {texts}").format(texts=_(", ").join(missing)),
        _("add it to the text; to articles, each of them"),
    )


_WORD = r"[\u2e80-\u9fff]|[^\W\u2e80-\u9fff]+"  # compiled at its first use: few plans compare words
_END = "\0"
"""Where a paragraph ends: no word goes on behind it."""


def words(content: Content) -> tuple[str, ...]:
    """List the words of a message, and each two neighbours; of Chinese each character is a word."""
    found = [
        re.findall(_WORD, unicodedata.normalize("NFKC", text).casefold())
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
