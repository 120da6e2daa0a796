"""Pictures of the messages of a plan page: what a browser is given, and what is said without one."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.support.factories import make_send, plan_of, view_of
from wechat_campaigns.cli import ci
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.report.html import plan_html

PROBE = """\
#!/bin/sh
env >>"$(dirname "$0")/env"
for word; do echo "$word" >>"$(dirname "$0")/words"; done
for page; do :; done
cp "${page#file://}" "$(dirname "$0")/last.html"
for word; do
  case "$word" in --screenshot=*) cp "$(dirname "$0")/shot.png" "${word#--screenshot=}" ;; esac
done
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A plan page of three messages, one of which tries to be a fourth."""
    texts = ("一", "二", '</p><section class="message" id="message-4">')
    sends = [make_send(f"s{number}", text=text) for number, text in enumerate(texts)]
    written = tmp_path / "plan.html"
    written.write_text(plan_html(view_of(plan_of(*sends), "UTC"), data=lambda _f: b""), encoding="utf-8")
    return written


def browser(folder: Path, script: str = PROBE) -> str:
    """Put a program in the place of Chromium that writes down what it is given; its PATH."""
    folder.mkdir()
    shot = Image.new("RGB", (840, 8000), "#f3f4f2")
    ImageDraw.Draw(shot).rectangle((20, 20, 400, 500), fill="white")
    shot.save(folder / "shot.png")
    program = folder / "chromium"
    program.write_text(script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:/bin:/usr/bin"


@pytest.fixture
def pictured(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Take pictures of the page's messages with a program in the place of Chromium; their folder."""

    def take(script: str | None = PROBE) -> Path:
        (tmp_path / "none").mkdir()
        path = str(tmp_path / "none") if script is None else browser(tmp_path / "bin", script)
        monkeypatch.setattr(ci, "BROWSERS", ("chromium",))
        monkeypatch.setenv("PATH", path)
        assert run(["ci", "phones", str(page), str(tmp_path / "phones")]) == ExitCode.OK
        return tmp_path / "phones"

    return take


@pytest.mark.deep
def test_each_message_is_alone_on_its_picture(
    pictured: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phones = pictured()
    names = [f"message-{number}.png" for number in (1, 2, 3)]
    assert capsys.readouterr().out.splitlines() == [str(phones / name) for name in names]
    assert sorted(file.name for file in phones.iterdir()) == names
    with Image.open(phones / names[0]) as first:
        assert first.size == (413, 513)
    last = (tmp_path / "bin" / "last.html").read_text(encoding="utf-8")
    assert ".messages > :not(#message-3) { display: none !important }" in last
    assert last.count("</style></head>") == 1


@pytest.mark.deep
def test_the_browser_gets_no_secret_no_script_and_no_network(
    pictured: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WECHAT_MAIN_SECRET", "s3cret")
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    pictured()
    names = {line.partition("=")[0] for line in (tmp_path / "bin" / "env").read_text().splitlines()}
    assert names <= {*ci._PASSED_ON, "HOME", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"}
    words = (tmp_path / "bin" / "words").read_text(encoding="utf-8").splitlines()
    assert {"--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND"} <= set(words)
    assert "default-src 'none'" in (tmp_path / "bin" / "last.html").read_text(encoding="utf-8")
    assert "--no-sandbox" not in words
    (profile,) = {word.partition("=")[2] for word in words if word.startswith("--user-data-dir=")}
    assert not Path(profile).parent.exists()


@pytest.mark.parametrize("user", [0, 1000])
@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nexit 0\n", None])
def test_without_a_browser_that_works_the_page_alone_is_said_to_do(
    pictured: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    script: str | None, user: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(ci.os, "geteuid", lambda: user)
    phones = pictured(script)
    said = capsys.readouterr()
    reason = "chromium made no picture" if user else "chromium does not start as root"
    reason = reason if script is not None else "Chromium is not installed"
    assert (said.out, f"no pictures of the phones: {reason}" in said.err) == ("", True)
    assert not phones.exists()


def test_a_plan_without_messages_needs_no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    written = tmp_path / "plan.html"
    written.write_text(plan_html(view_of(plan_of(), "UTC"), data=lambda _f: b""), encoding="utf-8")
    assert run(["ci", "phones", str(written), str(tmp_path / "phones")]) == ExitCode.OK


@pytest.mark.deep
def test_at_most_so_many_pictures(
    pictured: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ci, "MOST", 2)
    assert len(list(pictured().iterdir())) == 2
    assert "pictures of the first 2 messages; the page shows all" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "<html></html>"])
def test_another_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    page = tmp_path / "plan.html"
    if text is not None:
        page.write_text(text)
    assert run(["ci", "phones", str(page), str(tmp_path / "phones")]) == ExitCode.USAGE
    assert "campaign plan --report html=FILE" in capsys.readouterr().err
