"""What an editor shows while a campaign is written, by the server that VS Code, Neovim and Zed use."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.language_server import Editor, open_editor
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.model import Msgtype
from wechat_campaigns.source.scaffold import ScaffoldOptions, campaign_text

pytestmark = [pytest.mark.deep, pytest.mark.optional_part, pytest.mark.xdist_group("npm")]

ROOT = Path(__file__).parents[2]
MODELINE = "# yaml-language-server: $schema=../../schema/campaign.schema.json\n"
Open = Callable[[str], Editor]


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Open]:
    """Opens a text as `campaigns/2026/sale.yaml` of a repository that has the schema."""
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    folder = tmp_path / "campaigns" / "2026"
    folder.mkdir(parents=True)
    with open_editor(tmp_path) as server:

        def opened(text: str) -> Editor:
            file = folder / "sale.yaml"
            file.write_text(text, encoding="utf-8")
            server.open(file, text)
            return server

        yield opened


def test_editor_offers_the_keys_of_an_empty_campaign(editor: Open) -> None:
    offered = editor(MODELINE).completions(1, 0)
    assert {"filter", "msgtype", "content", "not_before", "for_each"} <= set(offered)


def test_editor_offers_the_values_of_msgtype(editor: Open) -> None:
    """After `msgtype:` the six kinds are listed, and nothing else."""
    offered = editor(f"{MODELINE}msgtype: \n").completions(1, 9)
    assert set(offered) >= {kind.value for kind in Msgtype}


@pytest.mark.parametrize(
    ("msgtype", "offered", "withheld"),
    [("mpnews", "articles", "card_id"), ("image", "images", "articles"), ("mpvideo", "title", "images")],
)
def test_editor_completes_content_by_its_msgtype(
    editor: Open, msgtype: str, offered: str, withheld: str
) -> None:
    """With a first letter under `content`, the editor offers what that msgtype takes and nothing else's."""
    text = f"{MODELINE}filter: {{tag: 会员}}\nmsgtype: {msgtype}\ncontent:\n  m\n"
    found = editor(text).completions(4, 3)
    assert offered in found
    assert withheld not in found


def test_editor_completes_articles_inside_a_list(editor: Open) -> None:
    text = f"{MODELINE}filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent:\n  articles:\n    - t\n"
    assert {"title", "body", "cover", "digest"} <= set(editor(text).completions(5, 7))


@pytest.mark.parametrize(
    ("line", "words"),
    [(1, "Exactly one of"), (2, "The kind of content"), (4, "A date and time")],
)
def test_editor_hover_explains_a_key(editor: Open, line: int, words: str) -> None:
    text = (
        f"{MODELINE}filter: {{tag: 会员}}\nmsgtype: text\ncontent: 你好\n"
        "not_before: 2026-12-01T19:00:00+08:00\n"
    )
    assert words in editor(text).hover(line, 2)


def test_editor_underlines_a_wrong_key(editor: Open) -> None:
    server = editor(f"{MODELINE}filter: {{tags: 会员}}\nmsgtype: text\ncontent: 你好\n")
    assert any(found["range"]["start"]["line"] == 1 for found in server.diagnostics)


def test_editor_finds_no_problem_in_a_new_campaign(editor: Open) -> None:
    text = campaign_text(ScaffoldOptions(id="2026/sale", tag="会员"))
    assert text.startswith(MODELINE)
    assert editor(text).diagnostics == []


def test_schema_command_prints_the_schema_for_the_editor(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["schema", "campaign"]) == 0
    assert capfdbinary.readouterr().out == (ROOT / "schema" / "campaign.schema.json").read_bytes()
