"""Every kind of message, in every place that must know it: a kind that one of them left out is named here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.factories import make_file, make_send
from tests.support.messages import EXAMPLES, MADE
from tests.unit.plan.test_policy import facts
from wechat_campaigns.core.content import Content, Media, MediaIds
from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.messages import KINDS, MSGTYPES, PLACEHOLDERS, Draft, Image, Images, from_body, kind_of
from wechat_campaigns.plan.policy import evaluate
from wechat_campaigns.render import phone
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.render.content import LinkTagger
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.scaffold import campaign_text
from wechat_campaigns.source.settings import load_settings
from wechat_campaigns.wechat.payloads import mass_body, preview_body
from wechat_sandbox.mass_rules import READERS, RECALLABLE
from wechat_sandbox.media import PERMANENT

ASSETS = {
    "article.md": b"A", "cover.jpg": b"\xff\xd8\xff", "1.jpg": b"\xff\xd8\xff", "voice.mp3": b"ID3",
    "video.mp4": b"\0\0\0\x10ftypmp42",
}  # fmt: skip
"""What the author of a new file adds."""
NO_IDS = MediaIds(upload_results={}, material_ids={})
NO_WORDS = {"media_id", "name", "card_id", "content_source_url", "pic_crop_235_1", "pic_crop_1_1"}
"""Fields whose texts are posted, and are none: ids and names in WeChat, an address, cuts of a cover."""
PLAIN = {"text", "voice"}
"""Words of WeChat's that everybody knows."""
NEW = [kind for kind in KINDS if kind.option]
NEW_FILES = pytest.mark.parametrize("kind", NEW, ids=lambda kind: kind.__name__)
CONTENTS = pytest.mark.parametrize(
    ("content", "part"),
    EXAMPLES.values(),
    ids=[type(content).__name__ for content, _part in EXAMPLES.values()],
)


def test_every_kind_has_an_example() -> None:
    assert {type(content) for content, _part in EXAMPLES.values()} == set(KINDS)


def test_of_kinds_with_one_msgtype_all_but_the_last_have_a_key() -> None:
    for msgtype in MSGTYPES:
        *first, last = [kind.key for kind in KINDS if kind.msgtype == msgtype]
        assert all(first)
        assert not last


def test_every_kind_but_these_has_a_new_file() -> None:
    assert {kind for kind in KINDS if not kind.scaffold} == set(KINDS) - set(NEW) == {Draft, Image}


def texts_of(value: Any) -> list[str]:
    """List the texts that stand in a new file, the paths of its assets apart."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, str) and not value.startswith("x/") else []
    return [*own, *(text for part in parts for text in texts_of(part))]


def compiled(folder: Path, text: str, assets: dict[str, bytes]) -> CompileResult:
    (folder / "x").mkdir(exist_ok=True)
    (folder / "x.yaml").write_text(text)
    for name, data in assets.items():
        (folder / "x" / name).write_bytes(data)
    return compile_campaigns(folder, settings=load_settings(folder), files=Files(folder))


@NEW_FILES
def test_a_new_file_is_of_its_kind(kind: type[Content], tmp_path: Path) -> None:
    text = campaign_text("x", kind)
    assert kind_of(kind.msgtype, yaml.safe_load(text)["content"]) is kind
    (send,) = compiled(tmp_path, text, ASSETS).sends
    assert type(send.content) is kind
    files = [(one.kind, one.file.format) for one in send.content.uploads() if one.file is not None]
    assert [one for one in files if one[1] not in PERMANENT[one[0]].formats] == []
    assert {material for material, _format in files} == ({kind.material} if kind.asset else set())
    assert f"{{name}}/{kind.asset}" in kind.scaffold or not kind.asset


@NEW_FILES
def test_nothing_of_a_new_file_is_sent_as_it_stands(kind: type[Content], tmp_path: Path) -> None:
    """Each text that `new` wrote is known as its own; texts and files that show nothing are refused."""
    text = campaign_text("x", kind)
    written = texts_of(yaml.safe_load(text)["content"])
    assert [one for one in written if not any(words in one for words in PLACEHOLDERS)] == []
    sample = compiled(tmp_path, text, ASSETS)
    (send,) = sample.sends
    assert ("sample_text" in rules_against(send.content)) is bool(written)
    for one in (line for text in written for line in text.splitlines()):
        blank = text.replace(f": {one}\n", ': "\u3000"\n').replace(one, "\u3000")
        found = compiled(tmp_path, blank, ASSETS)
        assert {one.rule for one in found.problems} - {one.rule for one in sample.problems}, one
    empty = compiled(tmp_path, text, dict.fromkeys(ASSETS, b""))
    assert ("file-empty" in {one.rule for one in empty.problems}) is bool(kind.asset)


def rules_against(content: Content, **policy: Any) -> set[str]:
    return {one.rule for one in evaluate(facts(Policy(**policy), send=make_send(content=content)), {})}


def with_a_word(value: Any, word: str, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the name of each text, at any depth, and the whole with another in its place."""
    if isinstance(value, str):
        yield name, word
    elif isinstance(value, tuple):
        for at, one in enumerate(value):
            changed = with_a_word(one, word, name)
            yield from ((inner, (*value[:at], new, *value[at + 1 :])) for inner, new in changed)
    elif is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            changed = with_a_word(getattr(value, entry.name), word, entry.name)
            yield from ((inner, replace(value, **{entry.name: new})) for inner, new in changed)


class _AnyId(dict[Any, str]):
    def __missing__(self, _key: Any) -> str:
        return "ID"


ANY_IDS = MediaIds(upload_results=_AnyId(), material_ids=_AnyId())


def posted(content: Content) -> str:
    """Return all that WeChat gets of a message."""
    part = None if content.needs_draft else content.part(ANY_IDS)
    uploads = [(one.title, one.description) for one in content.uploads()]
    return json.dumps([part, content.draft_articles(ANY_IDS), uploads], ensure_ascii=False)


@CONTENTS
def test_each_text_that_is_posted_is_read_and_shown(content: Content, part: dict[str, Any]) -> None:
    """By the rules about words, and on the phone: whatever field of its record, or below, it stands in."""
    word = PLACEHOLDERS[0]
    if "media" in vars(content):
        content = replace(content, media=Media(file=make_file()))  # type: ignore[call-arg]
    unset = [one.name for one in fields(content) if getattr(content, one.name) is None and "str" in one.type]
    assert unset == []  # else the example cannot show what becomes of them
    for name, changed in with_a_word(content, word):
        is_posted = name not in NO_WORDS and word in posted(changed)
        assert any(word in part for text in changed.texts() for part in text) is is_posted, name
        if not is_posted:
            continue
        found = rules_against(changed, banned_words=(word,), required_text=(word,))
        assert {"banned_words", "sample_text"} <= found, name
        assert "required_text" not in found, name
        assert word in phone.content(make_send(content=changed), address=lambda *_, **__: ""), name
        assert word in "\n".join(changed.lines()), name
        # Pictures have the names of their files in a list of messages.
        assert word in changed.summary() or name != "title" or isinstance(content, Images), name


@dataclass(frozen=True, kw_only=True)
class _Song(Content):
    """A kind that says of its words nothing at all."""

    msgtype = "song"
    title: str
    lyrics: str
    note: str | None = None

    def findings(self) -> Iterator[Finding]:
        return iter(())


def test_a_new_kind_is_read_without_saying_so() -> None:
    song = _Song(title="<b>", lyrics="一<br>二 https://example.com", note="三")
    assert song.texts() == (("<b>", "一 二 https://example.com", "三"),)
    assert [link.address for link in song.links()] == ["https://example.com"]
    assert song.lines() == ["<b>", "一<br>二 https://example.com", "三"]
    tagged = LinkTagger({"from": "a"}, ("example.com",)).content(song)
    assert tagged == replace(song, lyrics="一<br>二 https://example.com?from=a")


@CONTENTS
def test_it_is_posted_as_the_sandbox_reads_it_and_read_back(content: Content, part: dict[str, Any]) -> None:
    send = make_send(content=content)
    body = mass_body(send, tag_id=2, ids=NO_IDS, draft_media_id=MADE)
    assert {key: body[key] for key in ("msgtype", *part)} == {"msgtype": content.msgtype, **part}
    assert content.msgtype in READERS[content.body_key][1]
    assert content.is_recallable is (content.msgtype in RECALLABLE)
    if content.needs_draft:
        assert from_body(body) == Draft(media_id=MADE)
        assert content.titles() == tuple(one["title"] for one in content.draft_articles(ANY_IDS))
    else:
        again = make_send(content=from_body(body))
        assert mass_body(again, tag_id=2, ids=NO_IDS, draft_media_id=None) == body
    assert len(preview_body(send, ids=NO_IDS, draft_media_id=MADE)) == 2


@CONTENTS
def test_it_can_be_read_in_words_and_on_a_phone(content: Content, part: dict[str, Any]) -> None:
    assert content.summary()
    assert content.lines()
    assert [level for level in content.findings() if level.level == "error"] == []
    assert content.kind_name() != content.msgtype or content.msgtype in PLAIN
    set_language("zh")
    try:
        assert not content.kind_name().isascii()
    finally:
        set_language("en")
    shown = phone.page(make_send(content=content), data=lambda _file: b"", to="")
    assert ("no preview is possible" in shown) is isinstance(content, Draft)
