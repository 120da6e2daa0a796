"""An article that has everything a theme styles: for the gallery, and for the tests of all themes."""

from pathlib import Path, PurePosixPath
from typing import Final

from wechat_article import ArticleBody, ArticleSource, to_wechat_html
from wechat_campaigns.core.html import design_css
from wechat_campaigns.messages import Article
from wechat_campaigns.render.phone import Pictures, reader
from wechat_campaigns.source.files import Files

TEXT: Final = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")
TITLE: Final = "一杯桂花乌龙"
FILES: Final = Files(Path(__file__).parents[2] / "campaigns")
"""Where its pictures are."""


def sample_body(theme: str, brand_color: str, text: str = TEXT) -> ArticleBody:
    """Render it in a theme and a colour."""
    return to_wechat_html(
        ArticleSource(
            text=text,
            kind="markdown",
            file=PurePosixPath("tea/spring-tea/sample.md"),
            title=TITLE,
            theme=theme,
            brand_color=brand_color,
            files=FILES,
        )
    )


def article_page(article: Article, pictures: Pictures, *, dark: bool = False) -> str:
    """Show an article alone, on a page as wide as its window."""
    shown = reader(article, address=pictures.address, dark=dark)
    head = '<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    return f'{head}<title>{article.title}</title><style>{design_css()}</style><body style="margin: 0">{shown}'
