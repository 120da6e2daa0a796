"""Records with defaults, so that a test names only what it is about; a ledger and an Api in memory."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, ClassVar

from wechat_article.parts import PLACEHOLDER_SCHEME
from wechat_campaigns.core.content import FileInfo, Media
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import ApiError
from wechat_campaigns.core.model import (
    Audience,
    Filter,
    Send,
    compute_content_digest,
    filter_form,
    recipients_word,
)
from wechat_campaigns.core.settings import Account, AccountKind, Environment, Policy, Secret, Settings
from wechat_campaigns.ledger.events import (
    LedgerKind,
    Snapshot,
    Streams,
    heads_of,
    next_event,
    next_events,
    verified,
)
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.messages import Article, Articles, BodyImage, Text
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.draft_box import StoredDraft
from wechat_campaigns.plan.plan import Plan, PlannedSend, Resolution
from wechat_campaigns.plan.planner import make_plan
from wechat_campaigns.plan.resolve import RemoteFacts
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.report.history import HistoryView, history_view, report_lines
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.send_status import begun_rows
from wechat_campaigns.send.outcome import SendOutcome
from wechat_campaigns.send.posting import AccountWriter
from wechat_campaigns.wechat.statistics import Days

NOW = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)
"""Noon in China, a Tuesday."""
SERVICE = "wx0000000000000001"
SUBSCRIPTION = "wx0000000000000002"
TAGS = ({"id": 2, "name": "星标组", "count": 3}, {"id": 100, "name": "会员", "count": 1000})


def make_account(name: str = "main", **changes: Any) -> Account:
    base = Account(name=name, kind=AccountKind.SERVICE, appid=SERVICE, secret=Secret(sandbox=True))
    return replace(base, **changes)


def make_send(send_id: str = "sale", text: str = "你好", **changes: Any) -> Send:
    base = Send(
        id=send_id,
        campaign=send_id.partition("[")[0].partition("#")[0],
        account="main",
        revision=1,
        filter=Filter(tag="会员"),
        content=Text(content=text),
        location=Location(file=f"campaigns/{send_id}.yaml"),
    )
    return replace(base, **changes)


def make_file(name: str = "a.png", data: bytes = b"\x89PNG", **changes: Any) -> FileInfo:
    import hashlib

    base = FileInfo(
        path=PurePosixPath(name), sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), format="png"
    )
    return replace(base, **changes)


def make_article(title: str = "标题", *pictures: FileInfo, **changes: Any) -> Article:
    images = tuple(
        BodyImage(placeholder=f"{PLACEHOLDER_SCHEME}:{file.sha256}", file=file) for file in pictures
    )
    html = "<p>正文</p>" + "".join(f'<img src="{image.placeholder}">' for image in images)
    base = Article(title=title, html=html, cover=Media(file=make_file("cover.png", b"cover")), images=images)
    return replace(base, **changes)


def make_settings(*accounts: Account, policy: Policy | None = None, **changes: Any) -> Settings:
    named = {account.name: account for account in accounts or (make_account(),)}
    environment = Environment(
        name="test", api="https://example.invalid", accounts=named, default_account=next(iter(named))
    )
    chosen = replace(environment, **changes)
    return Settings(environment=chosen, environments={"test": chosen}, policy=policy or Policy())


def make_known(**changes: Any) -> RemoteFacts:
    return replace(RemoteFacts(tags=TAGS, followers=5000, as_of=NOW), **changes)


def make_stored_draft(*articles: Article, **changes: Any) -> StoredDraft:
    """A draft of the console as it was read."""
    base = StoredDraft(fingerprint="f1", content=Articles(articles=articles or (make_article(),)))
    return replace(base, **changes)


def make_planned(send: Send | None = None, account: Account | None = None, **changes: Any) -> PlannedSend:
    send = send or make_send()
    from wechat_campaigns.core.model import PlanAction

    base = PlannedSend(
        send=send,
        account=account or make_account(),
        content_digest=compute_content_digest(send),
        action=PlanAction.SEND,
        reason="new",
        resolved=Resolution(tag_id=100, audience=Audience(count=1000, source="tags/get", as_of=NOW)),
    )
    return replace(base, **changes)


def plan_of(*sends: Send, state: LedgerState | None = None, **changes: Any) -> Plan:
    """A plan of these sends with everything known and nothing sent, unless told otherwise."""
    names = ("settings", "now", "overrides", "is_current")
    chosen = {name: changes.pop(name) for name in names if name in changes}
    given: dict[str, Any] = {"settings": make_settings(), "state": state or LedgerState(), "now": NOW}
    asked: dict[str, Any] = {"invalid": (), "remote_facts": {"main": make_known()}}
    commit = changes.pop("commit", None)
    plan = make_plan(sends, context=DecisionContext(**(given | chosen)), **(asked | changes))
    return replace(plan, commit=commit)


@dataclass
class FakeWorkspace:
    """What a run and what uploads ask of a workspace, each a parameter of the test."""

    api: Any
    ledger: Any
    settings: Settings = field(default_factory=make_settings)
    clock: Callable[[], datetime] = lambda: NOW
    read: Callable[[FileInfo], bytes] = lambda _file: b""
    mac_key: Callable[[Account], bytes] = lambda _account: b""
    connect: Callable[[Account], Any] | None = None
    show: Callable[[str], Any] = bool
    """Takes each line of the progress, without its time."""
    watch: ClassVar = SimpleNamespace(current_skew=timedelta)

    @property
    def secrets(self) -> Any:
        return SimpleNamespace(mac_key=self.mac_key)

    def write_api(self, account: Account) -> Any:
        return self.connect(account) if self.connect is not None else self.api

    def show_progress(self, text: str) -> None:
        self.show(text[len("  12:00:00 ") :])


class Stops(threading.Event):
    """A stop that a test decides, and sleeps that it makes."""

    def __init__(
        self, is_set: Callable[[], bool] = lambda: False, sleep: Callable[[float], Any] = bool
    ) -> None:
        super().__init__()
        self._asked, self._sleep = is_set, sleep

    def is_set(self) -> bool:
        return self._asked()

    def wait(self, timeout: float | None = None) -> bool:
        self._sleep(timeout or 0)
        return self.is_set()


def make_account_writer(
    api: Any, ledger: Any, read: Any = lambda _file: b"", state: LedgerState | None = None
) -> AccountWriter:
    """The account `main`, open to be changed, recording in a ledger."""
    workspace: Any = FakeWorkspace(api, ledger, read=read)
    account = AccountWriter(workspace, make_account())
    account.begin(api, state or fold(ledger.events()))
    return account


# --- the ledger ---------------------------------------------------------------------------------


class MemoryLedger:
    """Keeps events in a list, by the rules of the real ones."""

    def __init__(self, clock: Any = lambda: NOW) -> None:
        self.kept: list[Event] = []
        self.clock = clock

    def streams(self) -> frozenset[str]:
        return frozenset(event.stream for event in self.kept)

    def events(self, streams: Streams = None) -> tuple[Event, ...]:
        return verified(self.snapshot(streams))

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        return self.events([stream])[since.seq :]

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        return self.append_all([entry], after=after)[0]

    def append_all(self, entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        mine = self.events([entries[0].stream])
        head = mine[-1].head if mine else EMPTY
        events = next_events(entries, at=self.clock(), head=head, after=after)
        self.kept += events
        return events

    def snapshot(self, streams: Streams = None) -> Snapshot:
        kept = tuple(event for event in self.kept if streams is None or event.stream in streams)
        return Snapshot(kept, heads_of(kept))

    @contextmanager
    def lock(self, stream: str, wait_s: float) -> Iterator[None]:
        yield

    def close(self) -> None:
        pass


def view_of(plan: Plan, timezone: str = "Asia/Shanghai", **changes: Any) -> PlanView:
    """The view that every report of a plan renders."""
    changes.setdefault("errors", [problem for one in plan.invalid for problem in one.problems])
    return PlanView(plan=plan, timezone=timezone, **changes)


def history_of(
    state: LedgerState,
    kept: Mapping[str, Days] | None = None,
    *,
    now: datetime = NOW,
    month: date | None = None,
) -> HistoryView:
    """The view that every report of past sends renders."""
    environment = make_settings().environment
    lines = report_lines(begun_rows(state, environment, now), state, environment, kept or {}, now)
    return history_view(lines, now, month)


def applied(*outcomes: SendOutcome, plan: Plan | None = None) -> PlanView:
    """The view that every report of an apply renders."""
    return view_of(plan or plan_of(), outcomes=outcomes)


def make_events(*steps: tuple[str, Mapping[str, Any]], stream: str = SERVICE) -> list[Event]:
    """Events of one stream a second apart, up to `NOW`; each step is a kind and what differs from usual."""
    events: list[Event] = []
    for number, (kind, data) in enumerate(steps, 1):
        entry = Entry(stream=stream, kind=kind, data={**_USUAL.get(kind, {}), **data})
        at = NOW - timedelta(seconds=len(steps) - number)
        at = data.get("at", at)
        kept = {key: value for key, value in entry.data.items() if key != "at"}
        if kind in (EventKind.INTENT, EventKind.HANDED_OVER, EventKind.RESEND):
            kept["at"] = at.isoformat()
        if kind is EventKind.HOLD and not data["held"]:
            kept.setdefault("ends", [e.hash for e in events if e.kind is EventKind.HOLD and e.data["held"]])
        head = events[-1].head if events else EMPTY
        mine = [event for event in events if event.stream == entry.stream]
        events.append(next_event(replace(entry, data=linked(kind, kept, mine)), at=at, head=head))
    return events


def linked(kind: str, data: Mapping[str, Any], before: Sequence[Event]) -> dict[str, Any]:
    """Tie an event of a send to those before it: an end to the intent of its call, any other to the last.

    An end says which call it is of by `call`, its number; without, it is of the latest.
    """
    plain = {key: value for key, value in data.items() if key != "call"}
    followed = (EventKind.INTENT, EventKind.HANDED_OVER, EventKind.RESEND, EventKind.SETTLED)
    if kind in (*followed, LedgerKind.APPROVED):
        return {"after": before[-1].hash if before else EMPTY.hash, **plain}
    if kind not in (EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE, EventKind.REJECTED):
        return plain
    place = normalize_id(data["send"]), data["revision"]
    calls = [
        e
        for e in before
        if e.kind in (EventKind.INTENT, EventKind.HANDED_OVER, EventKind.RESEND)
        and e.data.get("mac") != "0" * 64
        and (normalize_id(e.data["send"]), e.data["revision"]) == place
    ]
    number = data.get("call", len(calls))
    return {"intent": calls[number - 1].hash if 0 < number <= len(calls) else "", **plain}


def make_state(*steps: tuple[str, Mapping[str, Any]], stream: str = SERVICE) -> LedgerState:
    return fold(make_events(*steps, stream=stream))


def intent_of(send: Send, *, at: datetime = NOW, **more: Any) -> dict[str, Any]:
    """The data of an intent for a send, as `make_state` takes it."""
    from wechat_campaigns.plan.warnings import identity

    data = identity(send, compute_content_digest(send))
    data |= {"body": body_of(send), "body_sha256": sha256(body_of(send))}
    return {**data, "recipients": recipients_word(send.filter), "at": at, **more}


def body_of(send: Send) -> dict[str, Any]:
    """A stored body for a send's recipients, as the ledger keeps it."""
    body: dict[str, Any] = {"msgtype": "text", "text": {"content": "存下的"}}
    if send.filter.openids:
        return {**body, "touser": filter_form(send)["openids"]}
    if send.filter.is_to_all:
        return {**body, "filter": {"is_to_all": True}}
    ids = {tag["name"]: tag["id"] for tag in TAGS}
    tag_id = send.filter.tag_id or ids.get(send.filter.tag, 101)
    return {**body, "filter": {"is_to_all": False, "tag_id": tag_id}}


def intent_entry(send: Send) -> Entry:
    """The entry of a send's first intent, to append."""
    data = intent_of(send) | {"at": NOW.isoformat(), "after": EMPTY.hash}
    return Entry(stream=SERVICE, kind=EventKind.INTENT, data=data)


def named(send: Send, **more: Any) -> dict[str, Any]:
    """The data of an outcome of a send's first call."""
    return {"send": send.id, "revision": send.revision, "call": 1, **more}


_USUAL: Mapping[str, Mapping[str, Any]] = {
    EventKind.INTENT: {"plan_digest": sha256("plan"), "clientmsgid": "c" * 32},
    EventKind.ACCEPTED: {"msg_id": 7},
    EventKind.REJECTED: {"errcode": 45028},
    LedgerKind.STATUS: {"msg_id": 7, "msg_status": "SEND_SUCCESS"},
    EventKind.BASELINE: {"content_digest": "d" * 64, "reason": "sent by hand"},
}


# --- WeChat -------------------------------------------------------------------------------


class ScriptedApi:
    """Answers each call with what was scripted for it, and remembers the calls.

    `ScriptedApi(mass_sendall=[LOST, {"msg_id": 1}])`: one answer a call, the last one for ever; an
    exception is raised. A draft comes back as it was added, unless scripted otherwise.
    """

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._answers = {name: list(a) if isinstance(a, list) else [a] for name, a in answers.items()}

    def mass_ready(self) -> None:
        if "mass_ready" in self._answers:
            self.__getattr__("mass_ready")()

    def close(self) -> None:
        """Nothing is kept open."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*args: Any, **_kwargs: Any) -> Any:
            self.calls.append((name, args))
            script = self._answers.get(name)
            if name == "draft_get" and script is None:
                return {"news_item": self.named("draft_add")[-1][0]}
            assert script, f"no answer was scripted for {name}"
            answer = script.pop(0) if len(script) > 1 else script[0]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of one name."""
        return [args for called, args in self.calls if called == name]


def api_error(errcode: int, endpoint: str = "/cgi-bin/message/mass/sendall", **answer: Any) -> ApiError:
    return ApiError(
        endpoint=endpoint, errcode=errcode, errmsg="said so", rid=None, what=f"refused with {errcode}",
        hint="read the table", answer={"errcode": errcode, **answer},
    )  # fmt: skip


def kinds(events: Iterable[Event]) -> list[str]:
    """The kinds of events, in order: what happened, in short."""
    return [event.kind.value for event in events]
