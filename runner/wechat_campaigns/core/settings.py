"""What `_settings.yaml` says, as frozen records: where to send, by which rules, whom to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

SANDBOX: Final = "sandbox"
_LOOPBACK: Final = ("http://127.0.0.1", "http://localhost", "http://[::1]")


class AccountKind(StrEnum):
    """What sort of Official Account; decides which calls it may make."""

    SERVICE = "service"
    """服务号: mass/sendall and mass/send; to everyone one a day; four a month per follower."""
    SUBSCRIPTION = "subscription"
    """订阅号 (now 公众号): mass/sendall only; one a day."""
    TEST = "test"
    """测试号: mass/sendall is accepted, whether it delivers is doubtful; mass/send is refused (48001)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where an AppSecret comes from; never the secret itself. Exactly one is set."""

    env: str | None = None
    command: tuple[str, ...] = ()
    file: str | None = None
    sandbox: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSecrets:
    """What the console's server settings and `campaign listen` both know."""

    token: Secret
    aes_key: Secret | None = None
    """The EncodingAESKey; None in plain mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One Official Account of one environment."""

    name: str
    kind: AccountKind
    appid: str
    secret: Secret
    callback: CallbackSecrets | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far an audience may move between review and send: whichever of the two is more."""

    percent: int
    floor: int = 100
    """Followers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCheck:
    """A program that looks at each plan; one that does not end with 0 stands against its sends."""

    name: str
    command: tuple[str, ...]
    level: Literal["mandatory", "advisory"] = "mandatory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of `_settings.yaml`; `None` or empty means the rule is off."""

    allow_to_all: bool = False
    max_recipients: int | None = None
    audience_drift: Drift | None = None
    max_sends_per_apply: int | None = None
    require_preview: bool = False
    require_not_after: bool = False
    quiet_hours: str | None = None
    timezone: str = "Asia/Shanghai"
    allowed_tags: tuple[str | int, ...] = ()
    """Names or ids."""
    allowed_links: tuple[str, ...] = ()
    """Hosts; what lies below one is allowed with it."""
    allowed_mini_programs: tuple[str, ...] = ()
    """AppIDs."""
    banned_words: tuple[str, ...] = ()
    """Words that no message may use, compared as followers read them."""
    required_text: tuple[str, ...] = ()
    """Texts that every message, and every article of one, must have."""
    require_trial: str | int | None = None
    """The tag, by name or id, that must have received the same message first."""
    duplicate_content_days: int = 30
    """Within how many days the same content to the same recipients under another id is refused; 0 is off."""
    quota_reserve: int = 0
    """Sends of a day (订阅号) or month (服务号) that are kept back."""
    checks: tuple[PlanCheck, ...] = ()
    hold: bool | tuple[str, ...] = False
    """True for every account, or the names of those that send nothing."""
    levels: Mapping[str, Literal["mandatory", "advisory"]] = field(default_factory=dict)
    """By rule id; a rule that is not named is mandatory."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that `timezone` names."""
        return ZoneInfo(self.timezone)

    @property
    def linked_places(self) -> tuple[str, ...]:
        """The hosts and mini programs whose links get the parameters of `links`."""
        return (*self.allowed_links, *self.allowed_mini_programs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """Who must approve a pull or merge request before its campaigns may be sent."""

    approvers: tuple[str, ...]
    """User names at GitHub or GitLab; upper and lower case are the same."""
    count: int = 1
    not_author: bool = True
    """Nobody approves their own change, nor one that holds a commit of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment: an API, its accounts and a ledger."""

    name: str
    api: str
    """`sandbox` or a base URL."""
    ledger: str
    protected: bool = False
    accounts: Mapping[str, Account]
    default_account: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    approvals: Approvals | None = None
    resend_after_s: int = 60
    resend_until_s: int = 20 * 3600
    is_named: bool = False
    """Whether it was chosen by `--env` or its variable, and not because it is the default."""

    @property
    def env_option(self) -> str:
        """What a command in a hint needs after its arguments to mean this environment; may be empty."""
        return f" --env {self.name}" if self.is_named else ""

    @property
    def apply_option(self) -> str:
        """What `campaign apply` in a hint needs: a protected environment requires a reviewed plan."""
        return f"{self.env_option} --plan FILE" if self.protected else self.env_option

    @property
    def is_sandbox(self) -> bool:
        """True when no real follower can be reached."""
        return self.api == SANDBOX or self.api.startswith(_LOOPBACK)

    @property
    def by_appid(self) -> dict[str, Account]:
        """The accounts by AppID: several names may stand for one, of which the last is given."""
        return {account.appid: account for account in self.accounts.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleOptions:
    """How articles are made: `articles:` in the settings."""

    theme: str = "default"
    """A shipped theme's name, or the name of a CSS file under `_themes/`."""
    brand_color: str = "#07c160"
    fix_images: bool = False
    line_breaks: bool = False
    """Markdown: whether a line break inside a paragraph is shown."""
    advice: bool = True
    """Whether findings about looks are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tester:
    """Who receives previews: exactly one of the two is set."""

    wxname: str | None = None
    openid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyTarget:
    """A chat robot, an address or a program that is told what happened."""

    kind: Literal["wecom", "feishu", "dingtalk", "slack", "webhook", "command"]
    url: Secret = field(default_factory=lambda: Secret())
    """Its address is a secret: with it anybody can write to the chat. `command` has no address."""
    command: tuple[str, ...] = ()
    """Of `command`: the program and its arguments; empty for any other."""
    secret: Secret | None = None
    """Signs each message (加签)."""
    when: tuple[str, ...] = ("accepted", "rejected", "not_sent", "unknown", "delivery_failed")
    """Moments, see `notify.notices`; not `on`, which YAML readers take for true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`_settings.yaml` with one environment chosen."""

    environment: Environment
    environments: tuple[str, ...]
    namespace: str = ""
    """Goes before every id in the ledger, so that several folders may share one and an AppID."""
    vars: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Any] = field(default_factory=dict)
    """Query parameters for the links of every campaign, to hosts of `policy.allowed_links`."""
    policy: Policy = field(default_factory=Policy)
    articles: ArticleOptions = field(default_factory=ArticleOptions)
    testers: Mapping[str, Tester] = field(default_factory=dict)
    """By alias."""
    notify: tuple[NotifyTarget, ...] = ()
    other_environments: tuple[Environment, ...] = ()
    """Those of the file that were not chosen."""
    source: bytes = field(default=b"", repr=False, compare=False)
    """The bytes of the file that all this was read from; empty without a file."""

    @property
    def appids(self) -> frozenset[str]:
        """Every AppID of the file, whatever environment it is in."""
        every = (self.environment, *self.other_environments)
        return frozenset(account.appid for one in every for account in one.accounts.values())

    @property
    def ledger_scope(self) -> str:
        """Return the environment among all that share a ledger; guards go by it."""
        name = self.environment.name
        return f"{self.namespace}:{name}" if self.namespace else name
