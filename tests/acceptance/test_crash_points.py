"""A run that dies at any call, or whose answers get lost, sends nothing twice and loses nothing silently."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import SERVICE
from tests.support.playground import PICTURES, Playground
from tests.torture.history import LOSSES, PowerCut, Tripwire, disk_full, power_cut, walked
from tests.torture.record import recording
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.render.compile import CompileResult
from wechat_campaigns.send.outcome import Result
from wechat_campaigns.wechat.transport import Timeouts

pytestmark = pytest.mark.deep

TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 周年庆今晚开始\n"
CITIES = """\
msgtype: text
content: "{{ city }} 见"
for_each:
  beijing: {filter: {tag: 北京}, vars: {city: 北京}}
  shanghai: {filter: {tag: 上海}, vars: {city: 上海}}
"""
OPENIDS = "filter: {openids: [%s]}\nmsgtype: text\ncontent: 只给你们\n"
IMAGE = "filter: {tag: 会员}\nmsgtype: image\ncontent: {images: [{file: cup.png}], recommend: 看看}\n"
VIDEO = "filter: {tag: 会员}\nmsgtype: mpvideo\ncontent: {file: tea.mp4, title: 茶, description: 采茶}\n"
ARTICLES = """\
filter: {tag: 会员}
msgtype: mpnews
content:
  articles:
    - {title: 春茶, body: tea.md, cover: {file: cup.png}}
"""


def allow_api_video(playground: Playground) -> None:
    """Let the sandbox send what it refuses with 48022, so that each call of a video is made."""
    playground.sandbox.control("POST", "accounts", {"appid": SERVICE, "api_video": True})


def fill(playground: Playground, kind: str) -> int:
    """Write the campaigns of one kind; how many sends they are."""
    if kind in ("articles", "image", "mix"):
        playground.write("cup.png", (PICTURES / "cup.png").read_bytes())
    if kind in ("articles", "mix"):
        playground.write("leaf.jpg", (PICTURES / "leaf.jpg").read_bytes())
        playground.write("tea.md", "新茶到了。\n\n![茶叶](leaf.jpg)\n")
    if kind == "video":
        allow_api_video(playground)
        playground.write("tea.mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(64))
    first_two = ", ".join(playground.sandbox.openids()[:2])
    yaml = {
        "text": TEXT,
        "cities": CITIES,
        "openids": OPENIDS % first_two,
        "image": IMAGE,
        "video": VIDEO,
        "articles": ARTICLES,
    }
    chosen = ["articles", "cities", "text"] if kind == "mix" else [kind]
    for name in chosen:
        playground.write(f"{name}.yaml", yaml[name])
    return len(playground.prepare().sends)


def drafts_added(playground: Playground) -> int:
    return sum(request["path"] == "/cgi-bin/draft/add" for request in playground.sandbox.requests())


KINDS = ("text", "cities", "openids", "image", "video", "articles")


def run_with(playground: Playground, wire: Tripwire, prepared: CompileResult) -> ExitCode | None:
    """One run under a tripwire; None when it died."""
    playground.wrap_api = playground.wrap_ledger = wire.around
    try:
        return playground.apply(prepared)
    except PowerCut:
        return None
    finally:
        playground.wrap_api = playground.wrap_ledger = lambda part: part


def anew(playground: Playground, name: object) -> None:
    """Begin once more, with another ledger."""
    playground.sandbox.reset()
    allow_api_video(playground)
    playground.ledger_file = playground.ledger_file.with_name(f"{name}.sqlite3")
    playground.ahead = timedelta()


@pytest.fixture(autouse=True)
def traces(tmp_path: Path) -> Iterator[Path]:
    """Everything that the runs of a test ask of store and platform."""
    with recording(tmp_path / "traces"):
        yield tmp_path / "traces"


def assert_sent_once(playground: Playground, sends: int, where: str) -> None:
    """Also that what the runs did since the sandbox was as new, the model knows."""
    traces = playground.root.parent / "traces"
    found = walked(playground, traces)
    assert not found.faults, "\n".join((where, *found.faults))
    for file in traces.iterdir():
        file.unlink()
    counts = playground.sandbox.sent()
    assert set(counts.values()) <= {1}, f"sent twice after {where}"
    assert len(counts) == sends, f"lost after {where}"


@pytest.mark.parametrize(
    ("kind", "befall"),
    [*((kind, power_cut) for kind in KINDS), *((kind, disk_full) for kind in ("text", "articles", "cities"))],
)
def test_crash_at_every_call_sends_each_exactly_once(
    playground: Playground, kind: str, befall: Callable[[str], None]
) -> None:
    """Killed before or after any call to Api or Ledger, then applied again: one delivery each, exit 0.

    So it is when the disk fills up at any event. A send of articles has one draft; one more stays in the
    draft box, unsent, when it died between the adding of it and the record of that.
    """
    sends = fill(playground, kind)
    prepared = playground.prepare()
    dry = Tripwire()
    assert run_with(playground, dry, prepared) is ExitCode.OK
    assert_sent_once(playground, sends, "an undisturbed run")
    assert len(dry.moments) > 10 * sends
    added = dry.moments.index("after draft_add") if kind == "articles" else None
    for at, moment in enumerate(dry.moments):
        if befall is disk_full and not moment.endswith(" append"):
            continue
        anew(playground, at)
        code = run_with(playground, Tripwire(at, befall), prepared)
        assert code in ((None,) if befall is power_cut else (ExitCode.LEDGER, ExitCode.UNKNOWN)), moment
        assert playground.settle(prepared) is ExitCode.OK, moment
        assert_sent_once(playground, sends, moment)
        unrecorded = added is not None and at in (added, added + 1) and befall is power_cut
        if kind == "articles" and befall is power_cut:
            assert drafts_added(playground) == 1 + unrecorded, moment
        playground.close()


@pytest.mark.parametrize("second", range(0, 60, 7))
def test_second_crash_during_recovery_sends_each_exactly_once(playground: Playground, second: int) -> None:
    sends = fill(playground, "mix")
    prepared = playground.prepare()
    dry = Tripwire()
    run_with(playground, dry, prepared)
    assert_sent_once(playground, sends, "an undisturbed run")
    for first in (dry.moments.index("before mass_sendall"), dry.moments.index("after mass_sendall")):
        anew(playground, first)
        run_with(playground, Tripwire(first), prepared)
        playground.advance(61)
        run_with(playground, Tripwire(second), prepared)
        assert playground.settle(prepared) is ExitCode.OK
        assert_sent_once(playground, sends, f"{first} and {second}")


LATE = {"kind": "latency", "latency_s": 4}


@pytest.mark.parametrize(
    "loss", [*LOSSES, LATE], ids=lambda loss: f"{loss['kind']}{'+' * loss.get('after', False)}"
)
@pytest.mark.parametrize(
    ("kind", "endpoint"),
    [("text", "message/mass/sendall"), ("openids", "message/mass/send"), ("articles", "draft/add"),
     ("articles", "message/mass/sendall"), ("image", "material/add_material")],
)  # fmt: skip
def test_damaged_answers_are_never_taken_for_rejections(
    playground: Playground, kind: str, endpoint: str, loss: dict[str, Any]
):
    """An answer that is cut, damaged, late or a gateway's proves nothing about the send."""
    sends = fill(playground, kind)
    patient = playground.timeouts
    if loss["kind"] == "latency":
        playground.timeouts = Timeouts(60.0, 1.5)
    playground.sandbox.fault(endpoint=endpoint, **loss)
    code = playground.apply()
    playground.timeouts = patient
    if loss["kind"] == "latency":
        time.sleep(loss["latency_s"])  # until then a repeat is answered with 45066
    if endpoint.startswith("message/mass"):
        assert code is ExitCode.UNKNOWN
        assert playground.outcomes[0].result is Result.UNKNOWN
    else:
        assert code is not ExitCode.OK
    assert playground.settle() is ExitCode.OK
    assert_sent_once(playground, sends, f"{loss} at {endpoint}")


def test_racing_runs_without_the_lock_send_once(playground: Playground) -> None:
    """The intent protects: every runner believes that it holds the lock, and each send is made once."""
    sends = fill(playground, "mix")
    prepared = playground.prepare()
    start = threading.Barrier(3)
    runs = [replace(playground, _ledgers=[], wrap_ledger=_Unlocked(start)) for _ in range(3)]
    threads = [threading.Thread(target=run.apply, args=(prepared,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        run.close()
    assert_sent_once(playground, sends, "a race without lock")


class _Unlocked:
    """Wraps a ledger so that its lock holds nobody back, and all begin together."""

    def __init__(self, start: threading.Barrier) -> None:
        self._start = start

    def __call__(self, ledger: Any) -> Any:
        self._ledger = ledger
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def lock(self, stream: str, wait_s: float) -> Any:
        self._start.wait(10)
        return nullcontext()


def test_unknown_send_waits_after_the_clock_was_set_back(playground: Playground):
    fill(playground, "text")
    playground.sandbox.fault(endpoint="message/mass/sendall", kind="cut_after")
    assert playground.apply() is ExitCode.UNKNOWN
    playground.ahead -= timedelta(hours=2)
    assert playground.apply() is ExitCode.UNKNOWN
    posts = [r for r in playground.sandbox.requests() if r["path"].endswith("mass/sendall")]
    assert len(posts) == 1
    playground.ahead += timedelta(hours=2)
    assert playground.settle() is ExitCode.OK
    assert_sent_once(playground, 1, "a clock set back")


def test_used_up_draft_leaves_the_send_unknown(playground: Playground):
    """40007 on a resend may mean that the first call used up the draft: it proves nothing."""
    fill(playground, "articles")
    playground.sandbox.fault(endpoint="message/mass/sendall", kind="cut_before")
    assert playground.apply() is ExitCode.UNKNOWN
    playground.sandbox.fault(endpoint="message/mass/sendall", kind="errcode", errcode=40007, times=3)
    for _ in range(3):
        playground.advance(61)
        assert playground.apply() is ExitCode.UNKNOWN
    drafts = [r for r in playground.sandbox.requests() if r["path"] == "/cgi-bin/draft/add"]
    assert len(drafts) == 1


def test_nothing_secret_stays_on_disk(playground: Playground):
    for kind in KINDS:
        fill(playground, kind)
    playground.sandbox.fault(endpoint="message/mass/send", kind="cut_after")
    assert playground.apply() is ExitCode.UNKNOWN
    assert playground.settle() is ExitCode.OK
    openids = playground.sandbox.openids()[:2]
    folder = playground.ledger_file.parent
    written = b"".join(path.read_bytes() for path in folder.glob(f"{playground.ledger_file.name}*"))
    assert b"intent" in written
    assert not [secret for secret in (*openids, "access_token", "secret") if secret.encode() in written]
