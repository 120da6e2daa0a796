"""What `--until` accepts, and what a waiting run prints."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.factories import make_planned, make_send
from wechat_campaigns.cli.apply import _CommandRun, waiting_text
from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.options import read_moment
from wechat_campaigns.core.errors import ExitCode, UsageError

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 20, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("22:00", datetime(2026, 12, 1, 22, tzinfo=ZONE)),
        ("2026-12-03", datetime(2026, 12, 3, tzinfo=ZONE)),
        ("2026-12-01T22:00Z", datetime(2026, 12, 1, 22, tzinfo=UTC)),
    ],
)
def test_until_is_read_as_people_write_it(text: str, moment: datetime) -> None:
    assert read_moment("--until", text, now=NOW.astimezone(UTC), zone=ZONE) == moment


@pytest.mark.parametrize("text", ["", "soon", "25:00", "19:5", "+0h", "+5d", "-1h", "2026-12-01T19:00", "1"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_moment("--until", text, now=NOW, zone=ZONE)


def test_until_needs_wait() -> None:
    assert run(["apply", "--until", "22:00"]) == ExitCode.USAGE


class Waiting(OnlineContext):
    """A run in a folder without settings whose clock a test moves."""

    now = NOW

    def clock(self) -> datetime:
        return self.now


def test_log_gets_a_line_every_ten_minutes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = [make_planned(make_send("sale", not_before=NOW + timedelta(hours=2)))]
    lines = []
    with Waiting(root=tmp_path) as context:
        command = _CommandRun(workspace=context)
        for minutes in (0, 0.5, 1, 5, 9.5, 10, 19, 20.5, -30, -29):
            context.now = NOW + timedelta(minutes=minutes)
            command.show_waiting(waiting)
            lines += [(minutes, line) for line in capsys.readouterr().err.splitlines()]
    waits = [(minutes, line.partition("(")[2]) for minutes, line in lines if line.startswith("Waiting")]
    assert waits == [
        (0, "in 2 h 0 min)."),
        (10, "in 1 h 50 min)."),
        (20.5, "in 1 h 40 min)."),
        (-30, "in 2 h 30 min)."),
    ]


def test_waiting_text_names_the_next_send_and_when() -> None:
    """A part of a minute counts as a whole one, so that nobody reads zero while it waits."""
    waiting = [make_planned(make_send("sale", not_before=NOW + timedelta(hours=2, seconds=30)))]
    assert waiting_text(waiting, NOW, ZONE) == "Waiting for sale, today at 22:00 (in 2 h 1 min)."
    near = NOW + timedelta(hours=1, minutes=57)
    assert waiting_text(waiting, near, ZONE) == "Waiting for sale, today at 22:00 (in 4 min)."


# --- moments as people write them ----------------------------------------------------------------

BERLIN = ZoneInfo("Europe/Berlin")


def moment_of(text: str, now: str, zone: ZoneInfo = BERLIN) -> datetime:
    return read_moment("--for", text, now=datetime.fromisoformat(now), zone=zone)


@pytest.mark.parametrize(
    "now", ["2027-03-28T01:30:00+01:00", "2027-10-31T00:30:00+02:00", "2026-12-01T12:00Z"]
)
@pytest.mark.parametrize(("text", "minutes"), [("4h", 240), ("+20m", 20), ("90m", 90)])
def test_a_duration_is_time_that_passes(text: str, minutes: int, now: str) -> None:
    passed = moment_of(text, now).astimezone(UTC) - datetime.fromisoformat(now)
    assert passed == timedelta(minutes=minutes)


def test_the_hour_that_comes_twice_has_not_passed() -> None:
    moment = moment_of("20m", "2027-10-31T02:50:00+02:00").astimezone(UTC)
    assert moment == datetime.fromisoformat("2027-10-31T01:10:00Z")
