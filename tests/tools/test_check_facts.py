"""Saved pages are compared with the facts of the code, fact by fact."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.tools.check_facts import FILES, LIMITS, MEASURED, all_facts, forms, main, names_in
from wechat_campaigns.render.limits import table

WRITTEN = {
    "errcode": "| {} | invalid |",
    "path": "POST https://api.weixin.qq.com{}?access_token=ACCESS_TOKEN",
    "key": "| {} | string | 是 | 说明 |",
}


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """One made-up page for each source, which says all that the code rests on."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for fact in all_facts():
        kind, value = fact.text.split()[:2]
        line = WRITTEN.get(kind, f"| {fact.near} | string | 否 | 不超过{{}}个字 |").format(value)
        for page in fact.pages:
            lines[FILES.get(page, page)].append(line)
    for page, text in lines.items():
        folder = tmp_path / ("service" if page < "m" else "subscription")
        folder.mkdir(exist_ok=True)
        (folder / f"api_{page.lower()}.md").write_text("\n".join(text), encoding="utf-8")
    return tmp_path


def edit(pages: Path, page: str, old: str, new: str) -> None:
    (file,) = pages.rglob(f"api_{page.lower()}.md")
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_pages_that_say_everything_pass(pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(pages)]) == 0
    count = len(list(all_facts()))
    assert capsys.readouterr().out == f"{count} of {count} facts compared, 0 differ\n"


@pytest.mark.deep
@pytest.mark.parametrize(
    ("page", "old", "new", "printed"),
    [
        ("draft_add", "不超过16个字", "不超过8个字",
         "draft_add: AUTHOR_CHARS 16 (beside `author`): missing\n    the page says: | author |"),
        ("draft_add", "| thumb_media_id |", "| cover_media_id |", "draft_add: key thumb_media_id: missing"),
        ("draft_add", "/cgi-bin/draft/add?", "/cgi-bin/draft/create?", "path /cgi-bin/draft/add: missing"),
        ("createTag", "| 45157 |", "| 145157 |", ""),
        ("addMaterial", "不超过wma个字", "不超过ogg个字", "VOICE_FORMATS wma (beside `voice`): missing"),
    ],
    ids=["limit", "key", "path", "another page says it", "format"],
)  # fmt: skip
def test_what_a_page_no_longer_says_is_named(
    pages: Path, capsys: pytest.CaptureFixture[str], page: str, old: str, new: str, printed: str
) -> None:
    edit(pages, page, old, new)
    assert main([str(pages)]) == bool(printed)
    assert printed in capsys.readouterr().out


def test_an_errcode_that_all_its_pages_dropped_is_named(
    pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """45067 counts as a certain rejection because these pages say so."""
    for page in ("sendAll", "massSend"):
        edit(pages, page, "| 45067 |", "| 45999 |")
    assert main([str(pages)]) == 1
    printed = capsys.readouterr().out
    assert "sendAll or massSend: errcode 45067 (a certain rejection): missing" in printed
    assert "sendAll: errcode 45999 is not in errcodes.yaml (no difference)" in printed


def test_pages_that_are_not_saved_are_named(pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = pages.rglob("api_gettags.md")
    file.unlink()
    assert main([str(pages)]) == 0
    assert "not saved, so not compared: getTags" in capsys.readouterr().out
    for file in pages.rglob("*.md"):
        file.unlink()
    assert main([str(pages)]) == 2
    assert main([str(pages / "missing")]) == 2


@pytest.mark.parametrize(
    ("value", "said", "other"),
    [
        (20_000, ["少于2万字符", "20000", "20,000 个"], ["120000", "20,000,000", "12万", "1.2万"]),
        (10 * 1024 * 1024, ["10M，支持", "10 MB"], ["110M", "1.10M"]),
        (1024, ["1KB", "1k", "1024"], ["11K", "10240"]),
        (2, ["2 个", "最少2个"], ["12", "2,000", "1.2"]),
        ("jpeg", ["JPG", "jpeg"], ["png"]),
    ],
)
def test_numbers_are_read_as_pages_write_them(value: int | str, said: list[str], other: list[str]) -> None:
    pattern = re.compile("|".join(forms(value)), re.IGNORECASE)
    assert [text for text in said if not pattern.search(text)] == []
    assert [text for text in other if pattern.search(text)] == []


def test_every_fact_has_a_page() -> None:
    """The limits of the table are all on a page or known to be measured; sources that are words name none."""
    assert {name for name in vars(table) if name.isupper()} - MEASURED <= set(LIMITS)
    assert [fact.text for fact in all_facts() if not fact.pages] == []
    assert names_in("createTag, batchTagging and the tag pages beside them") == ("createTag", "batchTagging")
    assert len(list(all_facts())) > 300
