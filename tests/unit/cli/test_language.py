"""The language of the command line: the locale's, or `--lang`; help in Chinese fits the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.cli import help_pages, language
from wechat_campaigns.cli.main import campaign, run
from wechat_campaigns.core import i18n
from wechat_campaigns.report.terminal import breaks, columns, wrapped

CHINESE = "用评审过的文件群发微信公众号消息。"


def test_the_locale_chooses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert run(["--help"]) == 0
    assert CHINESE not in capsys.readouterr().out
    monkeypatch.delenv("LC_ALL")
    assert run(["--help"]) == 0
    assert CHINESE in capsys.readouterr().out


def test_the_option_overrides(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run(["--lang", "en", "--help"]) == 0
    assert "Usage: " in capsys.readouterr().out
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert run(["--lang=zh", "--help"]) == 0
    told = capsys.readouterr().out
    assert CHINESE in told
    assert "用法：campaign [选项] 命令 [参数]..." in told
    assert run(["--help"]) == 0
    assert "Usage: " in capsys.readouterr().out


def test_click_speaks_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "zh", "plan", "--nothing"]) == 64
    told = capsys.readouterr().err
    assert "没有选项 '--nothing'" in told
    assert "campaign plan [选项] [SELECT]..." in told
    assert "No such option" not in told


def test_a_missing_reason_is_asked_for_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "zh", "unhold", "main"]) == 64
    assert "请写明原因，例如：`campaign unhold main --reason" in capsys.readouterr().err


def test_an_option_without_its_value_is_named_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "zh", "plan", "--format"]) == 64
    assert "选项 '--format'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan", "--dir", "sale.txt"), "文件夹 'sale.txt' 是文件"),
        (("archive", "--out", "sale.txt"), "文件夹 'sale.txt' 是文件"),
        (("plan", "--out", "."), "文件 '.' 是文件夹"),
        (("ci", "publish", "nothing.md"), "文件 'nothing.md' 不存在"),
    ],
)
def test_a_path_of_the_wrong_kind_is_named_in_chinese(
    words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sale.txt").touch()
    assert run(["--lang", "zh", *words]) == 64
    assert told in capsys.readouterr().err


def test_the_words_of_click_are_its_own() -> None:
    folder = Path(str(click.__file__)).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    gone = [text for text in language.CLICKS_WORDS if text not in source]
    assert len(gone) < 12, gone


def test_bare_it_plans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([]) == run(["plan"]) == 64
    first, second = capsys.readouterr().err.strip().split("Error: ")[1:]
    assert first.strip() == second.strip()


def test_an_unknown_language_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "fr", "plan"]) == 64
    assert "'zh'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["schema", "letter"], ["calendar", "--month", "May"], ["schema", "plan", "settings"]],
)
def test_what_click_says_itself_is_said_in_chinese(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--lang", "zh", *words]) == 64
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("错误")
    assert not re.search(r"\b(is|not|does|extra|argument)\b", told, re.IGNORECASE), told


@pytest.mark.parametrize(
    "content",
    [None, b"no catalog", b"", b"\xde\x12\x04\x95\0\0\0\0"],
    ids=["missing", "broken", "empty", "cut short"],
)
def test_without_its_catalog_it_speaks_english(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        target = tmp_path / "zh" / "LC_MESSAGES" / "campaign.mo"
        target.parent.mkdir(parents=True)
        target.write_bytes(content)
    monkeypatch.setattr(i18n, "CATALOGS", tmp_path)
    assert run(["--lang", "zh", "schema"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("{")
    (line,) = told.err.splitlines()
    assert line.startswith("The words of the language zh are English here")


def pages(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    context = command.context_class(command, info_name=path, terminal_width=78)
    context.formatter_class = help_pages.ColumnsFormatter
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from pages(below, f"{path} {name}")


def test_help_in_chinese_fits_the_terminal() -> None:
    language.choose("zh")
    seen = 0
    for path, page in pages(campaign, "campaign"):
        for line in page.splitlines():
            seen += 1
            assert columns(line) <= 80 or line.startswith("    campaign "), (path, line)
            assert line.strip()[:1] not in tuple("，。、；：！？）”"), (path, line)
    assert seen > 500


def test_words_are_not_torn() -> None:
    assert wrapped("运行 `campaign apply`，发送。", 12) == ["运行", "`campaign", "apply`，发", "送。"]
    assert wrapped("（甲）乙丙", 6) == ["（甲）", "乙丙"]
    assert wrapped("", 5) == []
    assert wrapped("abcdefgh", 5) == ["abcde", "fgh"]
    assert wrapped("甲乙 abcdefgh", 5) == ["甲乙", "abcde", "fgh"]


@pytest.mark.slow
@given(st.text("甲乙，。（）“” ab`", max_size=60), st.integers(1, 20))
def test_lines_take_no_more_than_their_columns(text: str, width: int) -> None:
    starts = [0, *breaks(text, width), len(text)]
    assert starts == sorted(starts)
    lines = [text[start:end] for start, end in pairwise(starts)]
    assert "".join(lines) == text
    assert all(columns(line.rstrip()) <= max(width, 2) for line in lines)
