"""The cases of `tests/articles/`: NAME.md, what becomes of it in NAME.html, and NAME.rule, what that shows.

A rule file has one check a line: `rule SENTENCE`, `title TEXT`, `options fix_images`, `has XPATH`,
`not XPATH`, `count N XPATH`, `styles N XPATH` (different styles), `text TEXT` (in what readers see, `\\n`
for a line break), `images N`, `finding RULE LINE` (all of them, no others), `html no` (bytes depend on
the image library). Run `python -m tests.unit.article.goldens` to write the .html files anew.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from wechat_article import ArticleBody, ArticleSource, to_wechat_html
from wechat_campaigns.source.files import Files

FOLDER = Path(__file__).parents[2] / "articles"


@dataclass(frozen=True, slots=True)
class Golden:
    name: str
    checks: tuple[tuple[str, str], ...]

    def first(self, kind: str, default: str = "") -> str:
        return next((value for name, value in self.checks if name == kind), default)

    def build(self) -> ArticleBody:
        return _build(self)

    @property
    def html_file(self) -> Path:
        return FOLDER / f"{self.name}.html"


@cache
def _build(golden: Golden) -> ArticleBody:
    file = PurePosixPath(f"{golden.name}.md")
    source = ArticleSource(
        text=(FOLDER / file).read_bytes().decode(),
        kind="markdown",
        file=file,
        title=golden.first("title", "标题"),
        fix_images=golden.first("options") == "fix_images",
        files=Files(FOLDER),
    )
    return to_wechat_html(source)


def load() -> list[Golden]:
    return [Golden(file.stem, _checks(file)) for file in sorted(FOLDER.glob("*.rule"))]


def shown(html: str) -> str:
    """One tag a line where tags meet, so that a change can be read in a diff."""
    return html.replace("><", ">\n<") + "\n"


def _checks(file: Path) -> tuple[tuple[str, str], ...]:
    lines = file.read_text(encoding="utf-8").split("\n")
    return tuple((kind, value) for kind, _, value in (line.partition(" ") for line in lines) if kind)


if __name__ == "__main__":
    for golden in load():
        if golden.first("html") != "no":
            golden.html_file.write_text(shown(golden.build().html), encoding="utf-8")
