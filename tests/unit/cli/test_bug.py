"""A bug ends a run with a log to report, which may be sent to anybody."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from wechat_campaigns.cli.main import run, show_unraisable
from wechat_campaigns.core.errors import ExitCode

SECRET = "5ec2e7" * 5 + "ab"


def test_log_of_a_bug_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def broken() -> None:
        raise RuntimeError(f"cannot use {SECRET}, secret={SECRET}")

    assert run([], command=broken) == ExitCode.BUG
    log = Path(capsys.readouterr().err.rsplit(" ", 1)[1].strip().rstrip("."))
    try:
        text = log.read_text(encoding="utf-8")
    finally:
        log.unlink()
    assert "RuntimeError" in text
    assert SECRET not in text


@pytest.mark.parametrize(("error", "is_shown"), [(RecursionError, False), (ValueError, True)])
def test_generator_that_ends_in_deep_nesting_shows_no_traceback(
    error: type[Exception],
    is_shown: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """That problem is told where it is caught; what else Python cannot raise stays to be seen."""

    def generator() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise error

    monkeypatch.setattr(sys, "unraisablehook", show_unraisable)
    running = generator()
    next(running)
    del running
    assert (error.__name__ in capsys.readouterr().err) is is_shown
