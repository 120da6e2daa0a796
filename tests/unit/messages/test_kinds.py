"""Every kind of message, in every place that must know it: a kind that one of them left out is named here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.factories import make_send
from tests.support.messages import EXAMPLES, MADE
from wechat_campaigns.core.content import Content, MediaIds
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.messages import KINDS, Draft, from_body, kind_of
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.render.phone import page
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.scaffold import campaign_text
from wechat_campaigns.source.settings import load_settings
from wechat_campaigns.wechat.payloads import mass_body, preview_body
from wechat_sandbox.mass_rules import READERS

ASSETS = {
    "article.md": b"A", "cover.jpg": b"\xff\xd8\xff", "voice.mp3": b"ID3", "video.mp4": b"\0\0\0\x10ftypmp42",
}  # fmt: skip
"""What the author of a new file adds."""
NO_IDS = MediaIds(upload_results={}, material_ids={})
CONTENTS = pytest.mark.parametrize(
    ("content", "part"),
    EXAMPLES.values(),
    ids=[type(content).__name__ for content, _part in EXAMPLES.values()],
)


def test_every_kind_has_an_example() -> None:
    assert {type(content) for content, _part in EXAMPLES.values()} == set(KINDS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.scaffold], ids=lambda kind: kind.__name__)
def test_a_new_file_is_of_its_kind(kind: type[Content], tmp_path: Path) -> None:
    text = campaign_text("x", kind)
    assert all(words in text for words in kind.placeholders)
    assert kind_of(kind.msgtype, yaml.safe_load(text)["content"]) is kind
    (tmp_path / "x.yaml").write_text(text)
    (tmp_path / "x").mkdir()
    for name, data in ASSETS.items():
        (tmp_path / "x" / name).write_bytes(data)
    read = compile_campaigns(tmp_path, settings=load_settings(tmp_path), files=Files(tmp_path))
    assert [type(send.content) for send in read.sends] == [kind]


@CONTENTS
def test_it_is_posted_as_the_sandbox_reads_it_and_read_back(content: Content, part: dict[str, Any]) -> None:
    send = make_send(content=content)
    body = mass_body(send, tag_id=2, ids=NO_IDS, draft_media_id=MADE)
    assert {key: body[key] for key in ("msgtype", *part)} == {"msgtype": content.msgtype, **part}
    assert content.msgtype in READERS[content.body_key][1]
    if content.needs_draft:
        assert from_body(body) == Draft(media_id=MADE)
    else:
        again = make_send(content=from_body(body))
        assert mass_body(again, tag_id=2, ids=NO_IDS, draft_media_id=None) == body
    assert len(preview_body(send, ids=NO_IDS, draft_media_id=MADE)) == 2


@CONTENTS
def test_it_can_be_read_in_words_and_on_a_phone(content: Content, part: dict[str, Any]) -> None:
    assert content.summary()
    assert content.lines()
    assert [level for level in content.findings() if level.level == "error"] == []
    assert content.kind_name()
    set_language("zh")
    try:
        assert not content.kind_name().isascii()
    finally:
        set_language("en")
    shown = page(make_send(content=content), data=lambda _file: b"", to="")
    assert ("no preview is possible" in shown) is isinstance(content, Draft)
