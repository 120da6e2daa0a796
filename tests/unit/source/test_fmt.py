"""`campaign fmt`: the usual shape, and never another campaign."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import make_settings
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.model import compute_content_digest
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.fmt import format_campaign

FILE = PurePosixPath("2026/sale.yaml")
MODELINE = "# yaml-language-server: $schema=../../schema/campaign.schema.json\n"
SHAPED = f"""{MODELINE}description: 会员日   # 每月一次
# 给谁
filter: {{tag: 会员}}
msgtype: text
content: |
  第一行
    缩进  保留
vars: {{b: 1, a: "2"}}
"""
BLOCKS = st.permutations(
    [
        "filter: {tag: 会员}   \n",
        "# 给谁\nmsgtype: text\n",
        "content: |\n  {{ greeting }}，{{ items | join('、') }}\n\n  # 不是注释\n",
        "vars:\n  greeting: '你好'\n  items: [\"一\", '二']\n",
        "\n\n# 什么时候\nnot_after: 2026-12-01T22:00:00+08:00\n",
        "for_each:\n  z: {vars: {greeting: 早}}\n  a: {vars: {greeting: 晚}}   # 夜\n",
        "description: >\n  折叠\n  文字\n",
    ]
)


def digests(folder: Path, text: str) -> list[tuple[str, str]]:
    """Render a campaign file and fingerprint its sends, in their order."""
    (folder / "sale.yaml").write_text(text, encoding="utf-8", newline="")
    prepared = compile_campaigns(folder, settings=make_settings(), files=Files(folder))
    assert not prepared.errors, prepared.errors
    return [(send.id, compute_content_digest(send)) for send in prepared.sends]


@pytest.mark.deep
@given(
    blocks=BLOCKS, newline=st.sampled_from(["\n", "\r\n"]), head=st.sampled_from(["", "# 头\n\n", "---\n"])
)
def test_formatting_never_changes_a_digest(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[str], newline: str, head: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fmt"
    folder.mkdir(exist_ok=True)
    text = (head + "".join(blocks)).replace("\n", newline)
    shaped, reason = format_campaign(text, PurePosixPath("sale.yaml"))
    assert not reason
    assert digests(folder, shaped) == digests(folder, text)
    assert [line for line in text.split() if line not in shaped] == []
    assert format_campaign(shaped, PurePosixPath("sale.yaml")) == (shaped, "")


@given(st.text("abc会:{}[]#|>-&*'\"\n\r\t %", max_size=80))
def test_any_text_is_formatted_or_left_alone(text: str) -> None:
    shaped, reason = format_campaign(text, FILE)
    assert not reason or shaped == text


@pytest.mark.parametrize(
    "text",
    [
        'vars: {b: 1, a: "2"}\nmsgtype: text\ncontent: |\n  第一行\n    缩进  保留\n'
        "# 给谁\nfilter: {tag: 会员}\ndescription: 会员日   # 每月一次\n",
        SHAPED,
        SHAPED.replace("\n", "\r\n"),
        SHAPED.rstrip("\n") + "\n\n\n",
        SHAPED.removeprefix(MODELINE),
        SHAPED.replace("msgtype: text\n", "msgtype: text   \n"),
    ],
)
def test_equal_files_are_formatted_alike(text: str) -> None:
    assert format_campaign(text, FILE) == (SHAPED, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("msgtype: [", "not valid YAML"),
        ("msgtype: text\nmsgtype: text\n", "not valid YAML"),
        ("- a\n", "not valid YAML"),
        ("msgtype: text\ncontent: |\n  ohne Zeilenende", "would change the message"),
    ],
)
def test_file_that_cannot_be_formatted_safely_is_left_alone(text: str, why: str) -> None:
    """A file that is broken, or that would say something else, stays as it is, with the reason."""
    left, reason = format_campaign(text, FILE)
    assert left == text
    assert why in reason


def test_flow_style_map_keeps_its_order() -> None:
    text = "{msgtype: text, filter: {tag: a}, content: b}\n"
    assert format_campaign(text, FILE) == (MODELINE + text, "")


def test_fmt_check_changes_nothing_and_names_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sale.yaml"
    file.write_text("msgtype: text\nfilter: {tag: a}\ncontent: b\n", encoding="utf-8")
    before = file.read_bytes()
    assert run(["fmt", "--check", "--dir", str(tmp_path)]) == ExitCode.INVALID
    printed = capsys.readouterr()
    assert printed.out == f"{file}\n"
    assert "1 file is not in the usual form; `campaign fmt` rewrites it" in printed.err
    assert file.read_bytes() == before
    assert run(["fmt", "--dir", str(tmp_path)]) == ExitCode.OK
    assert run(["fmt", "--check", "--dir", str(tmp_path)]) == ExitCode.OK
    assert file.read_text(encoding="utf-8").splitlines()[1:] == [
        "filter: {tag: a}",
        "msgtype: text",
        "content: b",
    ]


def test_fmt_names_a_broken_file_and_leaves_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sale.yaml"
    file.write_bytes(b"msgtype: [\r\n")
    assert run(["fmt", "--check", "--dir", str(tmp_path)]) == ExitCode.INVALID
    assert run(["fmt", "--dir", str(tmp_path)]) == ExitCode.INVALID
    assert "campaign validate" in capsys.readouterr().err
    assert file.read_bytes() == b"msgtype: [\r\n"
