"""Only the streams that concern a run are read: counted by the events that are decoded."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import make_events
from wechat_campaigns.ledger.events import LEDGER, LedgerKind
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.ledger.open import open_ledger
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.workspace import LedgerWorkspace, Workspace

MINE, OTHER, FORMER = (f"wx000000000000000{number}" for number in (1, 2, 3))
EVERY = {MINE, LEDGER, OTHER, FORMER}
HOLD: Any = (EventKind.HOLD, {"held": True, "reason": "x"})
HERE = "http://127.0.0.1:9"


def naming(*appids: str, scope: str = "test") -> Any:
    return LedgerKind.INIT, {"environment": "test", "scope": scope, "accounts": [*appids]}


def workspace(kind: type[Workspace], folder: Path, *steps: Any) -> Workspace:
    """A campaigns folder with one account, in a ledger with three and with these events of its own."""
    ledger = open_ledger(
        f"sqlite:{folder}/l", default=folder / "state/x", root=folder, clock=lambda: make_events(HOLD)[0].at
    )
    streams = {MINE: (HOLD,), OTHER: (HOLD,), FORMER: (HOLD,), LEDGER: steps}
    ledger.restore([event for name, of in streams.items() for event in make_events(*of, stream=name)])
    ledger.close()
    account = f"{{kind: service, appid: {MINE}, secret: {{env: NO_SUCH}}}}"
    test = f"{{api: '{HERE}', ledger: 'sqlite:{folder}/l', accounts: {{main: {account}}}}}"
    settings = f"default_environment: test\nenvironments: {{test: {test}}}\n"
    (folder / "_settings.yaml").write_text(settings, encoding="utf-8")
    return kind(root=folder)


@pytest.mark.parametrize("kind", [Workspace, LedgerWorkspace], ids=["offline", "online"])
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([naming(MINE)], {MINE, LEDGER}),
        ([naming(MINE, FORMER)], {MINE, LEDGER, FORMER}),
        ([naming(FORMER), naming(MINE)], {MINE, LEDGER, FORMER}),
        ([naming(MINE), naming(OTHER, scope="shop:test")], {MINE, LEDGER}),
        ([(LedgerKind.INIT, {"environment": "test"})], EVERY),
        ([naming(OTHER, scope="shop:test")], EVERY),
    ],
    ids=["named", "left", "added later", "of another environment", "unnamed", "only another's"],
)
def test_streams_of_the_accounts_and_of_those_that_left_are_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Workspace],
    steps: list[Any],
    expected: set[str],
) -> None:
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path.parent / f"{tmp_path.name}-state"))
    with workspace(kind, tmp_path, *steps) as folder:
        decoded = counted(monkeypatch)
        state = folder.fold_ledger()
    assert set(decoded) == expected
    assert decoded[MINE] == 1
    assert state.read == (None if expected == EVERY else expected)
    if OTHER not in expected:
        with pytest.raises(KeyError):
            folder.guards(OTHER)


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the events of each stream that are decoded from now on."""
    from wechat_campaigns.ledger import events

    found: Counter[str] = Counter()
    plain = events.event_from

    def counting(data: Any) -> Event:
        found[data["stream"]] += 1
        return plain(data)

    monkeypatch.setattr(events, "event_from", counting)
    return found


def test_a_state_answers_nothing_about_a_stream_that_was_not_read() -> None:
    """Rather than that nothing was sent, and no hold is in force."""
    state = fold(make_events(HOLD, stream=MINE), streams={MINE, LEDGER})
    assert state.stream(MINE).holds
    assert not state.stream(LEDGER).holds
    questions: list[Callable[[str], object]] = [
        state.stream,
        lambda appid: state.send(appid, "sale", 1),
        lambda appid: state.draft(appid, "sale", 1),
        lambda appid: state.sends_by_content(appid, "d"),
    ]
    for question in questions:
        with pytest.raises(AssertionError):
            question(OTHER)
    assert not fold(()).stream(OTHER).holds, "of a whole ledger"
