"""The pages tell the truth: every command block is run, every link leads somewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, SHELLS, Block, Reader, blocks, commands, matches

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").glob("*.md")])
TOLD_ELSEWHERE = ("week.md", "week.zh-CN.md")
"""Run and compared by tests/acceptance/test_week.py."""
RUN = [
    page
    for page in PAGES
    if page.name not in TOLD_ELSEWHERE
    and any(b.language in SHELLS and b.why_not_run is None for b in blocks(page))
]
NEEDS_A_CLONE = ("make demo", "make inbox")
"""Run from a clone by tests/acceptance/test_clone.py."""
CHINESE = [page for page in PAGES if ".zh-CN" in page.suffixes]
CODE = re.compile(r"^( *)```[^`\n]*\n.*?^\1```$|(?<!`)(`+)(?!`)[^\n]+?(?<!`)\2(?!`)", re.M | re.S)
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


@pytest.mark.parametrize(
    "page",
    # The README's are what everybody tries first.
    [pytest.param(page, marks=[] if page.name == "README.md" else [pytest.mark.deep]) for page in RUN],
    ids=names(RUN),
)
def test_every_command_works(page: Path, tmp_path: Path) -> None:
    assert Reader(tmp_path, skipped=NEEDS_A_CLONE).follow(page) > 0


def test_what_is_not_run_says_why() -> None:
    reasons = [b.why_not_run for page in PAGES for b in blocks(page) if b.why_not_run is not None]
    assert all(len(reason) > 8 for reason in reasons)


def test_dots_stand_for_any_lines() -> None:
    assert matches(["a", "…", "c"], ["a", "b", "b", "c"])
    assert matches(["a", "…"], ["a"])
    assert not matches(["a", "…", "c"], ["a", "b"])


def test_links_lead_somewhere() -> None:
    links = [(page, target) for page in PAGES for target in LINK.findall(prose(page))]
    for page, target in links:
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        docs = ROOT / "docs"
        assert docs not in page.parents or docs in file.parents, f"{page.name}: {target} is not on the site"
        assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) < 200


@pytest.mark.parametrize("chinese", CHINESE, ids=names(CHINESE))
def test_both_languages_say_the_same(chinese: Path) -> None:
    english = chinese.with_name(chinese.name.replace(".zh-CN", ""))
    assert outline(chinese) == outline(english)
    assert switch(chinese) == english.name
    assert switch(english) == chinese.name


def test_a_chinese_page_links_to_chinese_pages() -> None:
    missed = {
        (page.name, link)
        for page in CHINESE
        for link in [link.partition("#")[0] for link in LINK.findall(prose(page)) if ".md" in link][1:]
        if ".zh-CN." not in link and (page.parent / link.replace(".md", ".zh-CN.md")).exists()
    }
    assert missed == set()


def test_no_line_ends_between_chinese_characters() -> None:
    broken = re.compile(r"[^\n]{0,8}[一-鿿、-〿！-～”]\n *[一-鿿“（][^\n]{0,8}")
    assert {page.name: found for page in CHINESE if (found := broken.findall(prose(page)))} == {}


def prose(page: Path) -> str:
    return CODE.sub("", page.read_text(encoding="utf-8"))


def switch(page: Path) -> str:
    return LINK.findall(prose(page))[0]


def outline(page: Path) -> tuple[object, ...]:
    """What must not differ between two languages."""
    text = prose(page)
    return (
        [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.M)],
        [(b.language, re.sub("not run: .*", "not run", b.title), in_common(b)) for b in blocks(page)],
        [line.count("|") for line in text.splitlines() if line.lstrip().startswith("|")],
        re.findall(r"^\| (\d+) \|", text, flags=re.M),
        sorted(place(link) for link in LINK.findall(text)[1:]),
    )


def place(link: str) -> str:
    page, _, anchor = link.replace(".zh-CN", "").partition("#")
    return f"{page}#" if anchor else page


def in_common(block: Block) -> str | list[str]:
    if block.language in SHELLS:
        # A reason is written for people.
        return [re.sub(r'--reason "[^"]*"', "--reason", command) for command, _ in commands(block)]
    return re.sub(r" +# .*$", "", block.body, flags=re.M)


def test_the_readme_shows_an_example_whole() -> None:
    shown = next(b.body for b in blocks(ROOT / "README.md") if "for_each" in b.body)
    assert shown + "\n" == (ROOT / "campaigns/autumn/tasting.yaml").read_text(encoding="utf-8")


@pytest.mark.deep
@pytest.mark.skipif(
    shutil.which("mkdocs", path=str(Path(sys.executable).parent)) is None,
    reason="mkdocs is not installed; pip install --group docs",
)
def test_the_site_builds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-f", ".mkdocs.yml", "-sqd", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "site"
    for page, language, first, later in (
        ("tutorial", "en", "How-to", "首页"),
        ("tutorial.zh-CN", "zh", "首页", "How-to"),
    ):
        html = (site / page / "index.html").read_text("utf-8")
        assert f'<html lang="{language}"' in html
        assert ("搜索" in html.partition("<main")[0]) == (language == "zh")
        assert html.index(first) < html.index(later)
    # Programs read each page as Markdown, and find them all in one list.
    pages = sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
    assert sorted(re.findall(r"^- \[.+\]\((.+)\)$", (site / "llms.txt").read_text(), re.MULTILINE)) == pages
    assert all((site / page).read_bytes() == (ROOT / "docs" / page).read_bytes() for page in pages)


def test_files_named_for_who_adds_something_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./-]+/[\w.-]+\.\w+)`", page.split("\n## Where to put")[1].split("\n## ")[0])
    roots = (ROOT, ROOT / "runner", ROOT / "runner" / "wechat_campaigns")
    assert len(named) > 30
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []
