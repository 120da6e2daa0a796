"""A bug ends a run with a log to report, which may be sent to anybody."""

import json
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


@pytest.mark.parametrize(
    ("fault", "code"),
    [(RuntimeError("x"), ExitCode.BUG), (KeyboardInterrupt(), ExitCode.INTERRUPTED)],
    ids=["a bug", "Ctrl-C"],
)
@pytest.mark.parametrize("words", [["-o", "json"], ["--format=json"], []])
def test_programs_get_the_end_of_a_run_as_json(
    words: list[str],
    fault: BaseException,
    code: ExitCode,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    @click.command()
    @click.option("-o", "--format", "format_")
    def broken(format_: str | None) -> None:
        click.echo('{"result": "of before"}')
        raise fault

    assert run(words, command=broken) == code
    out, err = capsys.readouterr()
    if not words:
        assert len(out.splitlines()) == 1
        return
    error = json.loads(out.splitlines()[-1])["error"]
    assert (error["code"], error["exit_code"]) == (code.name.lower(), code)
    assert error["message"] in err
    assert error["hint"]


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
