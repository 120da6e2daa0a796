"""The settings of `_settings.yaml`, each defined once: its type, default, meaning and form in one place.

The text below a field is what people read of its key in editors, errors and the reference; the map beside its
type holds what JSON Schema says of it besides. `schema/settings.schema.json` is written from this module, and
`source/settings.py` reads the file into these records. Types are objects, not strings, so that it can.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

SANDBOX: Final = "sandbox"
DEFAULT_LEDGER: Final = "sqlite"
"""The ledger of an environment that names none: a file of its own for each."""
PROTECTED_RESEND_AFTER_S: Final = 60
RESEND_UNTIL_S: Final = 20 * 3600
_LOOPBACK: Final = ("http://127.0.0.1", "http://localhost", "http://[::1]")
APPID: Final = "{appid}"
"""In the place of an account's secret, its AppID."""
NOT_A_KEY: Final = {"is_key": False}
"""The metadata of a field that nobody writes in the file."""

Level = Literal["mandatory", "advisory"]


def _form(pattern: str, message: str, **more: Any) -> dict[str, Any]:
    """Return the schema of a text that matches a pattern, with the hint for one that does not."""
    return {"pattern": rf"^{pattern}$(?!\n)", "patternErrorMessage": message, **more}


_NAMES: Final = {
    "propertyNames": _form(
        r"[_.0-9A-Za-z\u3400-\u4DBF\u4E00-\u9FFF][-_.0-9A-Za-z\u3400-\u4DBF\u4E00-\u9FFF]{0,63}",
        "use 1 to 64 letters (also Chinese characters), digits, `_`, `.` or `-`, which may not stand first",
    )
}
VALUE: Final = {
    "type": ["string", "number", "boolean", "array", "object"],
    "items": {"$ref": "#/definitions/value"},
    "additionalProperties": {"$ref": "#/definitions/value"},
    "description": "Text, a number, true or false, or a list or map of these.",
}
"""The schema of the value of a template variable."""
Vars = Annotated[
    Mapping[str, Any],
    {
        "propertyNames": _form(
            r"[_A-Za-z\u00C0-\u024F\u3400-\u4DBF\u4E00-\u9FFF]"
            r"[_0-9A-Za-z\u00C0-\u024F\u3400-\u4DBF\u4E00-\u9FFF]*",
            "use letters, digits and `_`, and do not start with a digit: templates use this name",
        ),
        "additionalProperties": {"$ref": "#/definitions/value"},
    },
]
Words = tuple[Annotated[str, {"minLength": 1}], ...]
MiniProgram = Annotated[
    str, _form("wx[0-9a-f]{16}", "write a mini program's AppID: `wx` and 16 digits or letters a to f")
]
Place = Annotated[
    str,
    _form(
        r"(([0-9A-Za-z\u3400-\u9FFF-]+\.)+[0-9A-Za-z\u3400-\u9FFF-]+|wx[0-9a-f]{16})",
        "write a host such as mp.weixin.qq.com, without https:// and without a path, or a mini "
        "program's AppID",
    ),
]


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
    """Where a secret comes from: exactly one of `env`, `command`, `file`."""

    SCHEMA: ClassVar = {"minProperties": 1, "maxProperties": 1}

    env: Annotated[
        str | None,
        _form("[A-Za-z_][A-Za-z0-9_]*", "write the variable's name: letters, digits and `_`, without `$`"),
    ] = None
    """The name of the environment variable that holds the secret."""
    command: Annotated[Words, {"minItems": 1}] = ()
    """A program and its arguments that print the secret; run without a shell, and only when the secret is
    needed."""
    file: Annotated[
        str | None, _form(r"(/|~/)[^\n]+", "write an absolute path, or one that begins with `~/`")
    ] = None
    """A file of one line that holds the secret, such as a mounted secret. Other users must not be able to
    read it, and it must not be in a git checkout unless git ignores it."""
    sandbox: bool = field(default=False, metadata=NOT_A_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSecrets:
    """The Token and EncodingAESKey of the console's server settings (服务器配置), for `campaign listen`."""

    token: Secret
    """Where the Token comes from."""
    aes_key: Secret | None = None
    """Where the EncodingAESKey comes from. If it is set, only encrypted pushes are accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """Who must approve a send before it is made: each approval is signed with a key that its owner keeps."""

    approvers: Annotated[
        Mapping[
            str,
            Annotated[
                str,
                _form("[0-9a-f]{64}", "write what `campaign approve --new-key` prints: 64 digits 0-9 a-f"),
            ],
        ],
        {"minProperties": 1, **_NAMES},
    ]
    """The public keys of those whose approval counts, by a name of your choice."""
    count: Annotated[int, {"minimum": 1, "maximum": 20}] = 1
    """How many of the approvers must approve."""
    reviewers: Words = ()
    """GitHub or GitLab user names: `count` of them must approve a request before `campaign approve
    --merged-request` signs what it brought."""


class WrittenRule(NamedTuple):
    """A rule in force as it is written, with the file and the line."""

    value: Any
    holder: Literal["settings", "environment", "account"]
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One Official Account."""

    name: str = field(metadata=NOT_A_KEY)
    kind: AccountKind
    """`service` 服务号, `subscription` 订阅号, `test` 测试号 (delivery is doubtful; a send to openids fails
    with errcode 48001)."""
    appid: Annotated[
        str,
        _form(
            "wx[0-9a-f]{16}",
            "copy the AppID from the account's WeChat console: `wx` and 16 characters 0-9 a-f",
        ),
    ]
    """The account's AppID."""
    secret: Secret | None = None
    """Where the AppSecret comes from: exactly one of `env`, `command`, `file`. Never write the secret itself
    here. Only an account with `token` and `ledger_key` can do without it."""
    token: Secret | None = None
    """Where the access_token comes from if a third-party platform or a token server renews it: one line, read
    again once when WeChat refuses it. In a command or file, `{appid}` stands for the AppID."""
    ledger_key: Secret | None = None
    """Where the key of the ledger's MACs comes from: one line of 64 digits 0-9 a-f, made by `openssl rand
    -hex 32`. Default: the AppSecret."""
    callback: CallbackSecrets | None = None
    """The Token and EncodingAESKey of the console's server settings (服务器配置), for `campaign listen`."""
    labels: Annotated[Words, {"examples": [["retail", "north"]]}] = ()
    """Words by which `for_each: {accounts: {label: …}}` finds the account."""
    policy: Annotated[Mapping[str, Any], {"$ref": "#/definitions/account_policy"}] = field(
        default_factory=dict
    )
    """Rules of this account: each takes the place of the environment's."""
    approvals: Approvals | None = None
    """Who must approve this account's sends, in place of the environment's `approvals`."""
    rules: Mapping[str, WrittenRule] = field(
        default_factory=dict, repr=False, compare=False, metadata={**NOT_A_KEY, "derived": True}
    )
    """The rules in force for it that are written anywhere, by key; `approvals` is one of them."""
    # Decides on no send, so no digest of the rules covers it; that of a template's text does.
    display_name: Annotated[
        str | None,
        _form(
            r"[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{1,64}",
            "write 1 to 64 visible characters",
            examples=["山月茶铺"],
        ),
    ] = field(default=None, metadata={"key": "name", "derived": True})
    """The account's name as followers see it, for templates (`account.name`) and previews. Default: the key
    of the account."""

    @property
    def shown_name(self) -> str:
        """What followers see as its name."""
        return self.display_name or self.name

    @property
    def heading(self) -> str:
        """Its name, with the one that followers see if that is another."""
        return f"{self.name} · {self.display_name}" if self.display_name else self.name

    @property
    def root(self) -> Secret:
        """Where the root of the MACs comes from: who holds it decides on sends."""
        if (root := self.ledger_key or self.secret) is None:
            raise AssertionError("the schema requires one of the two")
        return root

    @property
    def root_name(self) -> str:
        """What messages call the root of the MACs."""
        return "AppSecret" if self.ledger_key is None else "ledger_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far an audience may change: a percentage, or a number of followers if that is more."""

    percent: Annotated[int, {"minimum": 0, "maximum": 1000}]
    """Per cent of the reviewed audience."""
    floor: Annotated[int, {"minimum": 0}] = 100
    """A change of up to this many followers is always allowed, however small the tag."""

    def allows(self, before: int, now: int) -> bool:
        """Return whether an audience may have changed so far."""
        return abs(now - before) <= max(self.floor, before * self.percent / 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCheck:
    """A program and its name."""

    name: Annotated[str, {"minLength": 1}]
    """What messages call the check."""
    command: Annotated[Words, {"minItems": 1}]
    """The program with its arguments, run in the folder above the campaigns folder."""
    level: Level = "mandatory"
    """`mandatory` blocks the sends, `advisory` only warns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules that can block a send. A rule that is not set keeps its default."""

    hold: bool = False
    """Stop all sends. To stop them immediately, use `campaign hold`."""
    allow_to_all: bool = False
    """Allow sends to all followers (`is_to_all: true`)."""
    max_recipients: Annotated[int | None, {"minimum": 1, "examples": [200000]}] = None
    """The largest audience of one send, in followers, counted at most a minute before it. The batches of one
    openid list count together."""
    audience_drift: Annotated[Drift | None, {"examples": [{"percent": 20, "floor": 100}]}] = None
    """How far an audience may change between the reviewed plan and the send: a percentage, or a number of
    followers if that is more."""
    max_sends_per_apply: Annotated[int | None, {"minimum": 1, "examples": [10]}] = None
    """The maximum number of sends in one `apply`; a run with more sends nothing."""
    require_preview: bool = False
    """A tester must have received a preview of exactly this content before it is sent."""
    require_approval_record: bool = False
    """The ledger must show who agreed to a send: by `approvals`, or by typing it."""
    require_not_after: bool = False
    """Every send must have an end time (`not_after`)."""
    allowed_tags: Annotated[tuple[str | int, ...], {"examples": [["会员", 2]]}] = ()
    """The only tags that a campaign may send to, by name or id. `is_to_all` and `openids` have their own
    rules."""
    allowed_links: Annotated[tuple[Place, ...], {"examples": [["mp.weixin.qq.com", "example.com"]]}] = ()
    """The only hosts, with their subdomains, and mini programs, by AppID, that text and articles may link
    to."""
    allowed_mini_programs: Annotated[tuple[MiniProgram, ...], {"examples": [["wx1234567890abcdef"]]}] = ()
    """The only mini programs that text and articles may open; `allowed_links` then accepts them too."""
    banned_words: Annotated[Words, {"examples": [["国家级", "最高级", "最佳"]]}] = ()
    """Words that no message may use. They are compared as followers read them: full-width letters, upper
    case, spaces and invisible characters make no difference."""
    required_text: Annotated[Words, {"examples": [["活动规则见门店"]]}] = ()
    """Texts that every message, and every article of one, must have; compared like `banned_words`. Voice,
    cards and single pictures have no text and pass."""
    require_trial: Annotated[str | int | None, {"minLength": 1, "minimum": 0, "examples": ["内测"]}] = None
    """A small tag, by name or id, that must have received exactly this message, with delivery confirmed,
    before others do."""
    same_content_accounts: Annotated[int, {"minimum": 1}] = 3
    """To how many accounts the same content may go before the plan warns; `levels` can make it
    block. The sends of one `for_each: {accounts: …}` count as the same content."""
    min_interval: Annotated[int | None, {"minimum": 1, "maximum": 10080, "examples": [10]}] = None
    """How many minutes must lie between two sends of the same content from different accounts. The first
    goes out, the others wait for a later `apply`."""
    duplicate_content_days: Annotated[int, {"minimum": 0, "maximum": 3650}] = 30
    """For how many days the same content to the same recipients is blocked under another id; 0 turns the rule
    off."""
    quiet_hours: Annotated[
        str | None,
        _form(
            "([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]",
            'write both times as HH:MM, in quotes: "22:00-08:00"',
            examples=["22:00-08:00"],
        ),
    ] = None
    """No sends between these times of day, in the time zone `timezone`."""
    quota_reserve: Annotated[int, {"minimum": 0, "maximum": 100, "examples": [1]}] = 0
    """Sends to keep in reserve from the quota of a day (订阅号) or month (服务号)."""
    checks: Annotated[
        tuple[PlanCheck, ...], {"examples": [[{"name": "brand", "command": ["python3", "checks/brand.py"]}]]}
    ] = ()
    """Programs that get each online plan as JSON on standard input. One that does not end with 0 blocks the
    sends; the last line that it prints is the reason. Not run offline, in pull requests or in the sandbox."""
    levels: Annotated[Mapping[str, Level], {"examples": [{"require_not_after": "advisory"}]}] = field(
        default_factory=dict
    )
    """The level of each rule, by rule id. Default: mandatory. A hold is always mandatory."""
    timezone: Annotated[str, {"minLength": 1}] = "Asia/Shanghai"
    """The time zone of `quiet_hours`, of times without an offset in campaigns, and of reports, by its IANA
    name."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that `timezone` names."""
        return ZoneInfo(self.timezone)

    @property
    def linked_places(self) -> tuple[str, ...]:
        """The hosts and mini programs whose links get the parameters of `links`."""
        return (*self.allowed_links, *self.allowed_mini_programs)


CREDENTIALS: Final = {
    "if": {"required": ["token"]},
    "then": {"if": {"required": ["secret"]}, "else": {"required": ["ledger_key"]}},
    "else": {"required": ["secret"]},
}
"""The schema of an account that is not of the sandbox: who calls needs one key, who decides another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment: an API, its accounts and a ledger."""

    SCHEMA: ClassVar = {
        "if": {"required": ["api"], "properties": {"api": {"const": SANDBOX}}},
        "else": {"properties": {"accounts": {"additionalProperties": CREDENTIALS}}},
    }

    name: str = field(metadata=NOT_A_KEY)
    api: Annotated[
        str,
        _form(
            r"(sandbox|https://[^\s@?#]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?/?)",
            "write `sandbox`, an https address such as https://api.weixin.qq.com, or http://127.0.0.1:PORT "
            "for a running sandbox",
            examples=["sandbox", "https://api.weixin.qq.com"],
        ),
    ]
    """`sandbox` (runs inside the command), or WeChat's base URL; plain http only on loopback."""
    ledger: Annotated[
        str,
        _form(
            r"(sqlite(:[^\n]+)?"
            r"|git(:(?![^/#]*:[^/#]*@|[^#]*://[^/#]*:[^/#]*@|[Hh][Tt][Tt][Pp][^#]*[@?])"
            r"[^\s\x1c-\x1f#]+#[^\s\x1c-\x1f#]+)?"
            r"|postgresql://(?![^/]*:[^/]*@|.*password=)[^\s\x1c-\x1f]+)",
            "write `sqlite`, `sqlite:PATH`, `git`, `git:REMOTE#BRANCH`, or a postgresql:// address, without "
            "a password or token (PGPASSWORD or CAMPAIGN_LEDGER_TOKEN has it)",
            examples=["sqlite", "git", "git:origin#ledger", "postgresql://ledger@db.internal/campaigns"],
        ),
    ] = DEFAULT_LEDGER
    """Where sends are recorded: `sqlite[:PATH]`, `git[:REMOTE#BRANCH]` or `postgresql://…`."""
    protected: bool = False
    """`apply` sends only a reviewed plan: it requires `--plan` or `--expect-digest`."""
    accounts: Annotated[Mapping[str, Account], {"minProperties": 1, **_NAMES}] = field(default_factory=dict)
    """The Official Accounts, by a name of your choice. They may also stand in files in `_accounts/`."""
    default_account: Annotated[str | None, {"minLength": 1}] = None
    """The account for campaigns that do not set `account`. Default: the only account."""
    vars: Vars = field(default_factory=dict)
    """Template variables of this environment; they override the shared ones."""
    policy: Annotated[Mapping[str, Any], {"$ref": "#/definitions/policy"}] = field(default_factory=dict)
    """Rules of this environment: each takes the place of the shared one."""
    approvals: Approvals | None = None
    """`apply` makes only the sends that these people approved with `campaign approve`; the others wait. They
    take the place of the shared ones."""
    resend_after: Annotated[int, {"minimum": 0, "maximum": RESEND_UNTIL_S}] = PROTECTED_RESEND_AFTER_S
    """Seconds after the first call until a send without an answer is resent with the same clientmsgid.
    Default: 60, which is the minimum in a protected environment."""
    resend_until: Annotated[int, {"minimum": 1, "maximum": 86400}] = RESEND_UNTIL_S
    """Seconds after the first call during which a send without an answer may be resent with the same
    clientmsgid; then a person must settle it. Default: 72000 (20 h), the maximum but for `api: sandbox`."""
    is_named: bool = field(default=False, metadata=NOT_A_KEY)
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
    def asks_approval(self) -> bool:
        """Whether approvals are required for any of its accounts."""
        return any(one is not None for one in map(self.approvals_of, self.accounts.values()))

    def approvals_of(self, account: Account | None) -> Approvals | None:
        """Return the approvals in force for an account; those of the environment for one that it lacks."""
        return (account.approvals if account is not None else None) or self.approvals

    @property
    def by_appid(self) -> dict[str, Account]:
        """The accounts by AppID: several names may stand for one, of which the last is given."""
        return {account.appid: account for account in self.accounts.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleOptions:
    """How articles are rendered."""

    theme: Annotated[
        str,
        {
            "minLength": 1,
            "examples": [
                "default", "elegant", "simple", "numbered", "cards", "magazine", "festive", "fresh"
            ],
        },
    ] = "default"  # fmt: skip
    """A built-in theme (default, elegant, simple, numbered, cards, magazine, festive, fresh), or the name of
    a CSS file in `_themes/`."""
    brand_color: Annotated[
        str, _form("#[0-9A-Fa-f]{6}", 'write the colour as `#` and six digits 0-9 a-f, in quotes: "#07c160"')
    ] = "#07c160"
    """The one colour of a theme: headings, boxes and lines take their shades from it."""
    fix_images: bool = False
    """Convert and shrink pictures that WeChat would reject."""
    line_breaks: bool = False
    """Show the line breaks inside a Markdown paragraph, as Typora does."""
    advice: bool = True
    """List advice about looks: what some phones or dark mode may show badly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tester:
    """A tester who receives previews: exactly one of `wxname`, `openid`."""

    SCHEMA: ClassVar = {"minProperties": 1, "maxProperties": 1}

    wxname: Annotated[
        str | None,
        _form(
            "[0-9A-Za-z][-_0-9A-Za-z]{4,19}",
            "write a WeChat ID (微信号): letters, digits, `-` and `_`, 6 to 20 characters",
        ),
    ] = None
    """The tester's WeChat ID (微信号)."""
    openid: Annotated[
        str | None, _form("o[-_0-9A-Za-z]{27}", "write an openid: 28 characters that begin with `o`")
    ] = None
    """The tester's openid for the account that sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyTarget:
    """Who is notified, and of what."""

    SCHEMA: ClassVar = {
        "if": {"required": ["kind"], "properties": {"kind": {"const": "command"}}},
        "then": {"required": ["command"]},
        "else": {"if": {"required": ["kind"]}, "then": {"required": ["url"]}},
    }

    kind: Literal["wecom", "feishu", "dingtalk", "slack", "webhook", "command"]
    """`wecom` 企业微信, `feishu` 飞书, `dingtalk` 钉钉, `slack`; `webhook` posts JSON to any address;
    `command` starts a program with the same JSON on standard input."""
    # With its address anybody can write to the chat.
    url: Secret = Secret()
    """Where the address comes from; it is a secret. Required but for `command`."""
    secret: Secret | None = None
    """Where the key comes from that signs each message: 加签 of `dingtalk` and `feishu`, HMAC-SHA256 of
    `webhook`."""
    command: Annotated[Words, {"minItems": 1}] = ()
    """Of `command`: the program with its arguments, run in the folder above the campaigns folder. Not run in
    the sandbox."""
    # Moments, see `notify.notices`; not `on`, which YAML readers take for true.
    when: Annotated[
        tuple[
            Literal[
                "approval_needed", "accepted", "handed_over", "rejected", "not_sent", "unknown", "held",
                "scheduled_missed", "run_refused", "sent", "delivery_failed",
            ],
            ...,
        ],
        {"minItems": 1},
    ] = ("accepted", "handed_over", "rejected", "not_sent", "unknown", "delivery_failed")  # fmt: skip
    """Of what it is notified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Where each event of the ledger is pushed to: exactly one of `url`, `command`."""

    SCHEMA: ClassVar = {
        "if": {"required": ["command"]},
        "then": {"maxProperties": 1, "properties": {"url": {}, "command": {}}},
        "else": {"required": ["url"]},
    }

    url: Secret = Secret()
    """Where the address comes from that gets JSON; it is a secret."""
    secret: Secret | None = None
    """Where the key comes from that signs each request to `url`, by HMAC-SHA256."""
    command: Annotated[Words, {"minItems": 1}] = ()
    """The program with its arguments that gets the same JSON on standard input, run in the folder above the
    campaigns folder. Not run in the sandbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`_settings.yaml`: the environments, their accounts, the policy and shared variables."""

    default_environment: Annotated[str, {"minLength": 1}] = SANDBOX
    """The environment used without `--env`."""
    namespace: Annotated[str, {**_NAMES["propertyNames"], "type": "string"}] = ""
    """What every id begins with (`shop:sale`). Set it when several repositories or folders send from one
    AppID; never change it later."""
    links: Annotated[
        Mapping[str, str | int],
        {
            "propertyNames": _form(
                "[-_.~0-9A-Za-z]{1,64}", "use 1 to 64 letters, digits, `-`, `_`, `.` or `~`"
            ),
            "examples": [{"utm_source": "wechat", "utm_medium": "broadcast"}],
        },
    ] = field(default_factory=dict)
    """Query parameters for the links of every campaign, such as `utm_source`. Links to hosts of
    `policy.allowed_links` and pages of `policy.allowed_mini_programs` get those that they lack; campaigns can
    override them."""
    vars: Vars = field(default_factory=dict)
    """Template variables for every campaign in every environment."""
    environments: Annotated[Mapping[str, Environment], _NAMES] = field(default_factory=dict)
    """The environments, by name. `sandbox` always exists, even if it is not listed."""
    policy: Policy = Policy()
    """Rules that can block a send. A rule that the environment or the account has too is taken from there,
    with its whole value."""
    approvals: Approvals | None = None
    """The `approvals` of every environment that has none, but for `api: sandbox`."""
    articles: ArticleOptions = ArticleOptions()
    """How articles are rendered."""
    testers: Annotated[Mapping[str, Tester], _NAMES] = field(default_factory=dict)
    """The testers for `campaign preview --to`, by alias."""
    notify: Annotated[
        tuple[NotifyTarget, ...], {"examples": [[{"kind": "wecom", "url": {"env": "WECOM_ROBOT_URL"}}]]}
    ] = ()
    """Chat robots, addresses and programs that are notified of what happened."""
    audit: Annotated[Audit | None, {"examples": [{"url": {"env": "AUDIT_URL"}}]}] = None
    """An address or a program that gets each event of the ledger, as it happens."""
    environment: Environment = field(metadata=NOT_A_KEY)
    """The one that was chosen."""
    source: tuple[bytes, ...] = field(default=(), repr=False, compare=False, metadata=NOT_A_KEY)
    """The bytes of each file that all this was read from, `_settings.yaml` first; empty without a file."""

    def policy_of(self, account: Account | None) -> Policy:
        """Return the policy in force for an account; that of the environment for one that it lacks."""
        return replace(self.policy, **account.policy) if account and account.policy else self.policy

    @property
    def environment_names(self) -> tuple[str, ...]:
        """Those that may be chosen."""
        return tuple(dict.fromkeys((*self.environments, SANDBOX)))

    @property
    def other_environments(self) -> tuple[Environment, ...]:
        """Those of the file that were not chosen."""
        return tuple(one for name, one in self.environments.items() if name != self.environment.name)

    @property
    def appids(self) -> frozenset[str]:
        """Every AppID of the file, whatever environment it is in."""
        every = (self.environment, *self.other_environments)
        return frozenset(account.appid for one in every for account in one.accounts.values())

    @property
    def ledger_appids(self) -> frozenset[str]:
        """Every AppID of the environments that use this ledger; each has a default ledger of its own."""
        ledger = self.environment.ledger
        others = [one for one in self.other_environments if one.ledger == ledger != DEFAULT_LEDGER]
        return frozenset(appid for one in (self.environment, *others) for appid in one.by_appid)

    @property
    def ledger_scope(self) -> str:
        """Return the environment among all that share a ledger; guards go by it."""
        name = self.environment.name
        return f"{self.namespace}:{name}" if self.namespace else name
