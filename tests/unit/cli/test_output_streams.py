"""Standard streams that cannot show everything."""

import errno
import io
import json
import os
import sys
from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.output import escape_unencodable, print_result
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.files import replace_file


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sign_that_a_terminal_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="gbk"))
    escape_unencodable()
    print_result(json.dumps({"content": "🎉 周年庆"}, ensure_ascii=False))
    assert json.loads(raw.getvalue().decode("gbk")) == {"content": "🎉 周年庆"}


@pytest.mark.parametrize(
    "words",
    [("plan", "--out", "-"), ("plan", "--report", "json=-"),
     ("ledger", "export", "--out", "-")],
    ids=" ".join,
)  # fmt: skip
def test_no_file_is_named_like_standard_output(
    words: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["init"])
    assert run(words) == ExitCode.USAGE
    assert "redirect standard output" in capsys.readouterr().err
    assert not (here / "-").exists()


def test_a_preview_of_several_sends_prints_each_result_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init"]) == ExitCode.OK
    (here / "campaigns" / "cities.yaml").write_text(
        "msgtype: text\ncontent: 你好，{{ city }}\nfor_each:\n"
        "  bj: {filter: {tag: 北京}, vars: {city: 北京}}\n  sh: {filter: {tag: 上海}, vars: {city: 上海}}\n",
        encoding="utf-8",
    )
    capsys.readouterr()
    assert run(["preview", "cities", "--to", "tester1", "--to", "nobody"]) == ExitCode.WECHAT
    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["cities[bj]: sending the preview", "cities[sh]: sending the preview"]
    told = [line.split(": ")[0] for line in printed.out.splitlines()[:-1]]
    assert told == ["cities[bj]", "cities[sh]", "cities[bj], cities[sh]"]
    assert printed.out.count("40132") == 1


@pytest.mark.parametrize(
    ("to", "reached"),
    [(["小李"], "小李"), (["tester2"], "1 位测试人员"), (["小李", "tester2"], "2 位测试人员")],
)
def test_a_preview_names_testers_of_the_settings_and_counts_others(
    here: Path, capsys: pytest.CaptureFixture[str], to: list[str], reached: str
) -> None:
    assert run(["init"]) == ExitCode.OK
    with (here / "campaigns" / "_settings.yaml").open("a", encoding="utf-8") as settings:
        settings.write("testers:\n  小李: {wxname: tester1}\n")
    capsys.readouterr()
    words = [word for name in to for word in ("--to", name)]
    assert run(["--lang", "zh", "preview", "welcome", *words]) == ExitCode.OK
    assert f"预览已发给 {reached}，" in capsys.readouterr().out


def test_file_is_replaced_without_writing_through_a_link_beside_it(tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "checkout" / "ledger.jsonl"
    outside.write_text("mine", encoding="utf-8")
    target.parent.mkdir()
    target.write_text("before", encoding="utf-8")
    planted = target.with_name(f".{target.name}.{os.getpid()}")
    planted.symlink_to(outside)
    target.chmod(0o640)
    replace_file(target, b"new")
    assert (outside.read_text(encoding="utf-8"), target.read_bytes()) == ("mine", b"new")
    assert target.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in target.parent.iterdir()} == {target.name, planted.name}


@pytest.mark.parametrize("before", [None, b"of yesterday"])
def test_report_is_written_whole_or_not_at_all(
    here: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    """Whoever reads it while it is written has that of before; after the disk was full, none."""
    assert run(["init", "--quiet"]) == ExitCode.OK
    folder = here / "reports"
    report = folder / "plan.json"
    if before is not None:
        folder.mkdir()
        report.write_bytes(before)
    written = list[bytes]()

    def full(path: Path, target: Path) -> None:
        written.append(path.read_bytes())
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        assert run(["plan", "--offline", "--quiet", "--report", f"json={report}"]) == ExitCode.USAGE
    assert json.loads(written[0])["sends"]
    assert [*folder.iterdir()] == []
    assert run(["plan", "--offline", "--quiet", "--report", f"json={report}"]) == ExitCode.OK
    assert json.loads(report.read_bytes())["sends"] == json.loads(written[0])["sends"]
    assert [*folder.iterdir()] == [report]
