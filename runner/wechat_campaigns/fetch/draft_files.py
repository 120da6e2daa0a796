"""A draft of the console → a campaign file, an HTML file for each article, and its pictures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wechat_campaigns.messages.articles import FLAGS, TEXTS
from wechat_campaigns.render.article import read_draft_article
from wechat_campaigns.source.scaffold import literal, pulled_campaign_text

Save = Callable[[str], str | None]
"""Saves the picture of an address; gives the name of its file, or None when it stays where it is."""


@dataclass(slots=True)
class DraftFiles:
    """The files of one draft, as texts; its pictures are saved on the way."""

    id: str
    """Of the new campaign; its files are in the folder of this name."""
    news_items: Sequence[Mapping[str, Any]]
    """As draft/get gives them."""
    save: Save
    bodies: dict[str, str] = field(default_factory=dict)
    """The HTML of each article by the name of its file."""

    def campaign_text(self) -> str:
        """Make every file; give the text of the campaign."""
        first = self.news_items[0]
        pictures = (first.get("image_info") or {}).get("image_list") or []
        if len(self.news_items) == 1 and pictures:
            return pulled_campaign_text(self.id, {"newspic": self._picture_post(first, pictures)})
        return pulled_campaign_text(self.id, {"articles": list(self._articles())})

    def _articles(self) -> Iterator[dict[str, Any]]:
        alone = len(self.news_items) == 1
        for number, item in enumerate(self.news_items, 1):
            name = "article.html" if alone else f"article-{number}.html"
            cover = self._picture(item.get("thumb_url"), item.get("thumb_media_id"))
            page = read_draft_article(_text(item, "content"))
            saved = {address: self.save(address) for address in page.addresses}
            self.bodies[name] = literal(page.html({one: file for one, file in saved.items() if file}))
            texts = [name for name in TEXTS if alone or name != "digest"]  # the console fills in every digest
            yield {
                "title": _text(item, "title"),
                "body": f"{self._folder}/{name}",
                "cover": cover,
                **{key: text for key in texts if (text := _text(item, key))},
                **{key: True for key in FLAGS if _text(item, key) == "1"},
            }

    def _picture_post(self, item: Mapping[str, Any], pictures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        text = _text(item, "content")
        return {
            "title": _text(item, "title"),
            **({"text": text} if text else {}),
            "images": [self._picture(one.get("url"), one.get("image_media_id")) for one in pictures],
        }

    def _picture(self, address: object, media_id: object) -> dict[str, str]:
        """Return a picture by its file; by its media_id where it was not saved."""
        name = self.save(str(address)) if address else None
        return {"file": f"{self._folder}/{name}"} if name else {"media_id": str(media_id or "")}

    @property
    def _folder(self) -> str:
        return self.id.rpartition("/")[2]


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return "" if value is None else str(value)
