"""What a rule is: a function of its setting and the facts about one due send; None when it passes.

A rule has the name of its setting in `core/settings.py` and is asked where that is set. `@rule` makes it one
of `RULES`. Its message names the setting, so that the reader knows where to look. `CASES` of
`tests/unit/plan/test_policy.py` has what each rule stops and lets pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Flag, auto
from typing import Any

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.model import Audience, Send
from wechat_campaigns.core.settings import Account, AccountKind, Policy
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.plan import FailedChecks, Violation
from wechat_campaigns.plan.quota import Calendar, Uses


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInput:
    """Everything a rule may look at."""

    send: Send
    content_digest: str
    account: Account
    audience: Audience
    policy: Policy
    state: LedgerState
    now: datetime
    due: int
    """How many sends the whole plan would make."""
    calendar: Calendar | None = None
    """The account's sends, with those that come before this one in the plan; None: only the ledger's."""
    draft: str = ""
    """The media_id of the draft that it sends; empty without one, or until it is known."""
    duplicate_of: str | None = None
    """A send of the same plan with the same content and recipients, if one comes before."""
    content_accounts: int = 1
    """To how many accounts the plan sends this content, or has sent it."""
    content_before: tuple[str, datetime] | None = None
    """The newest send of this content from another account, and when: one that comes before in the plan
    goes out at `now`."""
    offline: bool = False
    is_sandbox: bool = False
    env: str = ""
    """The `env_option` of the environment, for the commands of a hint."""
    failed_checks: FailedChecks = ()
    tag: str | None = None
    """The name of the tag, where the filter gives only its id and WeChat was asked."""
    tag_id: int | None = None
    """The id of the tag; None when the filter gives only its name and nobody was asked."""
    is_later: bool = False
    """True of a send whose window opens later, at `now`."""
    applying: bool = False
    """True for the look just before a send."""
    is_resend: bool = False
    """True of what is posted once more."""
    actor: Mapping[str, str] = field(default_factory=dict)
    """Just before a send: who makes it, as the intent records it."""
    reviewed_count: int | None = None
    """Followers as the reviewed plan counted them; None when only a digest was reviewed."""

    def uses(self, kind: AccountKind) -> Uses:
        """Return the account's sends of a kind's day or month: made already, and planned before this one."""
        return (self.calendar or Calendar(self.account.appid, self.state)).uses(kind, self.now)

    @property
    def content(self) -> Content:
        """What followers would see; a `Draft` only where nobody read it."""
        return self.send.content.visible


class Trait(Flag):
    """What is special about a rule."""

    NONE = 0
    ALWAYS = auto()
    """It is asked whatever its setting is."""
    READS_CONTENT = auto()
    """It looks into the content, so it cannot check a draft that nobody read."""
    FIXED = auto()
    """Neither `--allow` nor `policy.levels` softens it: a hold is lifted where it was made."""
    OF_THE_MOMENT = auto()
    """Time or another person meets it, with no edit of the campaign."""
    ASKED_LATER = auto()
    """It is asked of a send whose window opens later, too."""
    ADVISORY = auto()
    """It only warns, unless `policy.levels` makes it mandatory."""
    OF_ALLOWANCE = auto()
    """Not asked of a resend, which took the allowance when it was posted; of a later send it only warns."""


Check = Callable[[Any, RuleInput], Violation | None]
RULES: dict[str, tuple[Check, Trait]] = {}
"""Every rule by its id, the word of `--allow RULE=reason`."""


def rule(traits: Trait = Trait.NONE) -> Callable[[Check], Check]:
    """Make a function the rule that is called like it."""

    def add(check: Check) -> Check:
        RULES[check.__name__] = (check, traits)
        return check

    return add


def rules_with(trait: Trait) -> frozenset[str]:
    """Return the ids of the rules that have a trait."""
    return frozenset(name for name, (_check, traits) in RULES.items() if trait in traits)
