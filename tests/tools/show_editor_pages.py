"""Show the pages of `tests/articles/editors/` before and after.

Run `python -m tests.tools.show_editor_pages FOLDER`. Each page is imported and rendered; a picture of both,
a phone wide, goes into the folder, and what was found is printed.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path, PurePosixPath

from tests.support.browser import open_browser
from wechat_campaigns.core.model import Article, Media
from wechat_campaigns.integrations.public_download import Downloader
from wechat_campaigns.integrations.saved_pictures import SavedPictures
from wechat_campaigns.render.article import ArticleBody, ArticleSource, build, read_saved_page
from wechat_campaigns.render.article.page import Pictures, frame_document
from wechat_campaigns.source.files import Files

PAGES = Path(__file__).parents[1] / "articles" / "editors"


def imported(page: Path, folder: Path) -> ArticleBody:
    """Import a page without the network, and make its body."""
    pictures = SavedPictures(
        page=page, folder=folder / page.stem, downloader=Downloader(resolve=lambda *_to: [])
    )
    saved = read_saved_page(page)
    for address in saved.addresses:
        pictures.save(address)
    file = PurePosixPath(page.stem, "article.html")
    return build(
        ArticleSource(
            text=saved.html(pictures.names), kind="html", file=file, title=saved.title, files=Files(folder)
        )
    )


def main(folder: Path) -> None:
    """Write NAME.png and print the findings of each page."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Files(folder)
    with open_browser(width=820, height=1400) as chrome:
        for page in sorted(PAGES.glob("*.html")):
            body = imported(page, folder)
            article = Article(title=page.stem, html=body.html, images=body.images, cover=Media(media_id="M"))
            after = frame_document(article, pictures=Pictures(lambda file: files.data(file.path)))
            frames = "".join(
                f'<iframe width="375" height="1300" srcdoc="{escape(text)}"></iframe> '
                for text in (page.read_text(encoding="utf-8"), after)
            )
            sheet = folder / f"{page.stem}.html"
            sheet.write_text(f"<meta charset=utf-8>{frames}", encoding="utf-8")
            chrome.get(sheet.absolute().as_uri())
            chrome.save_screenshot(str(folder / f"{page.stem}.png"))
            print(page.stem, *(f"\n  {one.level} {one.rule}: {one.message}" for one in body.findings))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
