"""What the tests of articles share: a campaigns folder in a temporary place, and bodies made from it."""

import io
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from PIL import Image

from tests.unit.article.making import Make
from wechat_article import ArticleBody, ArticleSource, images, to_wechat_html
from wechat_campaigns.source.files import Files


@pytest.fixture(autouse=True)
def _no_picture_is_known() -> None:
    """What one test taught this process does not help the next."""
    images._known.clear()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Build a body from a source; `at` files are written into the campaigns folder first."""

    def body(source: str, *, at: dict[str, bytes | str] | None = None, **options: Any) -> ArticleBody:
        for name, content in (at or {}).items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        defaults: dict[str, Any] = {
            "kind": "markdown",
            "file": PurePosixPath("tea/article.md"),
            "title": "标题",
            "root": "campaigns",
        }
        return to_wechat_html(ArticleSource(text=source, files=Files(tmp_path), **(defaults | options)))

    return body


@pytest.fixture
def png() -> bytes:
    """A small PNG."""
    target = io.BytesIO()
    Image.new("RGB", (64, 48), "#4a7c59").save(target, "PNG")
    return target.getvalue()
