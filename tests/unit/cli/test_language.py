"""The language of the command line: the locale's, or `--lang`; help in Chinese fits the terminal."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.cli import help_pages
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


def test_bare_it_plans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([]) == run(["plan"]) == 64
    first, second = capsys.readouterr().err.strip().split("Error: ")[1:]
    assert first.strip() == second.strip()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--lang zh plan --nothing", "没有选项 '--nothing'"),
        ("--lang zh plan --ofline", "没有选项 '--ofline'（你是不是要用 '--offline'？）"),
        ("--lang zh unhold main", "请写明原因，例如：`campaign unhold main --reason"),
        ("--lang zh plan --format", "选项 '--format'"),
        ("--lang zh plan --dir sale.txt", "文件夹 'sale.txt' 是文件"),
        ("--lang zh plan --out .", "文件 '.' 是文件夹"),
        ("--lang zh ci publish nothing.md", "文件 'nothing.md' 不存在"),
        ("--lang zh status --timeout soon", "'soon' 不是数字"),
        ("--lang zh schema letter", "错误"),
        ("--lang zh calendar --month May", "错误"),
        ("--lang zh schema plan settings", "错误"),
        ("--lang fr plan", "'zh'"),
    ],
)
def test_what_click_says_is_said_in_chinese(
    words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sale.txt").touch()
    assert run(words.split()) == 64
    said = capsys.readouterr().err
    assert told in said
    if "zh" in words:
        assert not re.search(r"\b(is|not|does|extra|argument|such|float)\b", said, re.IGNORECASE), said


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
    assert "the catalog of the language zh " in line


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
    help_pages.choose("zh")
    seen = 0
    for path, page in pages(campaign, "campaign"):
        for line in page.splitlines():
            seen += 1
            assert columns(line) <= 80 or line.startswith("    campaign "), (path, line)
            assert line.strip()[:1] not in tuple("，。、；：！？）”"), (path, line)
    assert seen > 500


def test_words_are_not_torn() -> None:
    assert wrapped("运行 `campaign apply`，发送。", 12) == ["运行", "`campaign", "apply`，发", "送。"]
    assert wrapped("运行 `campaign apply`，发送。", 18) == ["运行", "`campaign apply`，", "发送。"]
    assert wrapped("（甲）乙丙", 6) == ["（甲）", "乙丙"]
    assert wrapped("", 5) == []
    assert wrapped("abcdefgh", 5) == ["abcde", "fgh"]
    assert wrapped("甲乙 abcdefgh", 5) == ["甲乙", "abcde", "fgh"]


@given(st.text("甲乙，。（）“” ab`", max_size=60), st.integers(1, 20))
def test_lines_take_no_more_than_their_columns(text: str, width: int) -> None:
    starts = [0, *breaks(text, width), len(text)]
    assert starts == sorted(starts)
    lines = [text[start:end] for start, end in pairwise(starts)]
    assert "".join(lines) == text
    assert all(columns(line.rstrip()) <= max(width, 2) for line in lines)
