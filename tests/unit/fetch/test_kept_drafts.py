"""What a sent draft of the console said is kept beside the ledger, and used only while it is unchanged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import make_planned, make_send, plan_of
from wechat_campaigns.api import keep_draft_pictures, load
from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.model import Articles, Draft, Msgtype, Newspic, Send
from wechat_campaigns.fetch.kept_drafts import (
    KeptDraft,
    KeptDrafts,
    fetch_pictures,
    keep_sent_drafts,
    read_picture,
)
from wechat_campaigns.fetch.public_download import DownloadError
from wechat_campaigns.plan.stored_draft import fingerprint
from wechat_campaigns.send.outcome import Result, SendOutcome

ITEMS: list[dict[str, Any]] = [{"title": "秋茶", "content": "<p>白露</p>", "thumb_media_id": "T"}]
MARK = fingerprint(ITEMS)
DIGEST = "ab" * 32
PNG, JPEG = b"\x89PNG\r\n\x1a\n" + b"x" * 90, b"\xff\xd8\xff" + b"x" * 90
OWN = "mmbiz.qpic.cn/mmbiz_png"
PICTURED: list[dict[str, Any]] = [
    {
        "title": "秋茶",
        "content": f'<p><img data-src="http://{OWN}/a/0?wx_fmt=png"><img src="https://{OWN}/b/0">'
        '<img src="https://example.com/c.png"></p><section>白露</section>',
        "thumb_media_id": "T",
        "thumb_url": f"http://{OWN}/t/0",
    }
]
POST: list[dict[str, Any]] = [
    {
        "title": "杯",
        "content": "三只",
        "image_info": {"image_list": [{"image_media_id": "I", "url": f"http://{OWN}/p/0"}]},
    }
]


@pytest.fixture
def drafts(tmp_path: Path) -> KeptDrafts:
    return KeptDrafts(tmp_path / "state" / "test.drafts")


def sent_draft(**changes: Any) -> Send:
    content = Draft(title="秋茶", media_id="D1", fingerprint=MARK, news_items=tuple(ITEMS), **changes)
    return make_send(msgtype=Msgtype.MPNEWS, content=content)


def kept_after(send: Send, result: Result, drafts: KeptDrafts) -> tuple[SendOutcome, ...]:
    planned = make_planned(send)
    plan = plan_of(send)
    assert [one.content_digest for one in plan.sends] == [planned.content_digest]
    return keep_sent_drafts(plan, (SendOutcome(send.id, "main", result, ""),), drafts)


def test_what_is_kept_is_read_again(drafts: KeptDrafts) -> None:
    """In a file for this user alone, named by the content digest."""
    drafts.write(DIGEST, KeptDraft(ITEMS))
    assert drafts.read(DIGEST, MARK) == KeptDraft(ITEMS)
    (file,) = drafts.folder.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (f"{DIGEST}.json", 0o600)
    assert drafts.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 1}',
        '{"version": 1, "news_item": [], "pictures": {}}',
        '{"version": 1, "news_item": [1], "pictures": {}}',
        json.dumps({"version": 2, "news_item": ITEMS, "pictures": {}}),
        json.dumps({"version": 1, "news_item": [{**ITEMS[0], "content": "<p>寒露</p>"}], "pictures": {}}),
        "[" * 100_000,
    ],
)
def test_a_file_that_was_changed_is_not_used(drafts: KeptDrafts, text: str) -> None:
    """Its articles must have the fingerprint that the ledger has of them."""
    drafts.write(DIGEST, KeptDraft(ITEMS))
    (drafts.folder / f"{DIGEST}.json").write_text(text, encoding="utf-8")
    assert drafts.read(DIGEST, MARK) is None


@pytest.mark.parametrize("digest", ["", "cd" * 32, "../secret", f"../test.drafts/{DIGEST}"])
def test_a_digest_names_no_other_file(drafts: KeptDrafts, digest: str) -> None:
    """A ledger may come from elsewhere: what it holds is no path."""
    drafts.write(DIGEST, KeptDraft(ITEMS))
    assert drafts.read(digest, MARK) is None


def test_a_draft_without_a_fingerprint_is_not_found(drafts: KeptDrafts) -> None:
    """Of a send whose draft nobody read, nothing could be compared."""
    drafts.write(DIGEST, KeptDraft(ITEMS))
    assert drafts.read(DIGEST, "") is None


@pytest.mark.parametrize("result", [Result.ACCEPTED, Result.UNKNOWN])
def test_a_draft_that_may_have_been_sent_is_kept(drafts: KeptDrafts, result: Result) -> None:
    """Without an answer too: WeChat may have removed it."""
    send = sent_draft()
    (outcome,) = kept_after(send, result, drafts)
    assert outcome.notes == ()
    assert drafts.read(compute_content_digest(send), MARK) == KeptDraft(ITEMS)


@pytest.mark.parametrize("result", [Result.REJECTED, Result.SKIPPED, Result.NOT_SENT])
def test_a_draft_that_was_not_sent_is_not_kept(drafts: KeptDrafts, result: Result) -> None:
    """It is in the draft box."""
    kept_after(sent_draft(), result, drafts)
    assert not drafts.folder.exists()


def test_a_draft_that_cannot_be_kept_is_a_note(drafts: KeptDrafts) -> None:
    """The send is made; nothing about it changes."""
    drafts.folder.parent.mkdir()
    drafts.folder.write_text("in the way")
    (outcome,) = kept_after(sent_draft(), Result.ACCEPTED, drafts)
    assert outcome.result is Result.ACCEPTED
    assert "the articles of the draft were not kept for `campaign archive`" in outcome.notes[0]


def fetched(drafts: KeptDrafts, items: list[dict[str, Any]], served: dict[str, bytes]) -> KeptDraft:
    """Keep a draft and fetch its pictures from a host that has these."""

    def get(url: str) -> bytes:
        if url not in served:
            raise DownloadError("missing")
        return served[url]

    drafts.write(DIGEST, KeptDraft(items))
    shown: list[str] = []
    fetch_pictures(drafts, get, stop_requested=lambda: False, show=shown.append)
    assert len(shown) == 1
    draft = drafts.read(DIGEST, fingerprint(items))
    assert draft is not None
    return draft


def test_pictures_are_kept_by_their_bytes(drafts: KeptDrafts) -> None:
    """Of articles and covers; those that are not WeChat's are not asked for, and never shown."""
    served = {
        f"https://{OWN}/a/0?wx_fmt=png": PNG,
        f"https://{OWN}/t/0": JPEG,
        f"https://{OWN}/b/0": b"<html>",
    }
    draft = fetched(drafts, PICTURED, served)
    names = {file.name for file in drafts.folder.iterdir()}
    kept = {f"{hashlib.sha256(data).hexdigest()}.{kind}" for data, kind in ((PNG, "png"), (JPEG, "jpeg"))}
    assert names == {f"{DIGEST}.json", f"{DIGEST}.pictures.json", *kept}
    assert {file.stat().st_mode & 0o777 for file in drafts.folder.iterdir()} == {0o600}
    content = draft.content()
    assert isinstance(content, Articles)
    (article,) = content.articles
    (image,) = article.images
    assert (draft.data(image.file), article.html.count(image.placeholder)) == (PNG, 1)
    assert article.cover.file is not None
    assert draft.data(article.cover.file) == JPEG
    assert f"https://{OWN}/b/0" in article.html
    assert "example.com" not in article.html
    assert draft.missing_pictures == 1


def test_the_pictures_of_a_post_are_kept(drafts: KeptDrafts) -> None:
    """A picture post has no articles."""
    content = fetched(drafts, POST, {f"https://{OWN}/p/0": PNG}).content()
    assert isinstance(content, Newspic)
    assert [image.file and image.file.format for image in content.images] == ["png"]


def test_a_picture_that_was_changed_is_missing(drafts: KeptDrafts) -> None:
    """Its name says what its bytes are."""
    fetched(drafts, POST, {f"https://{OWN}/p/0": PNG})
    picture = read_picture(PNG)
    assert picture is not None
    (drafts.folder / picture.file.path).write_bytes(PNG + b"y")
    draft = drafts.read(DIGEST, fingerprint(POST))
    assert draft is not None
    assert (dict(draft.pictures), draft.missing_pictures) == ({}, 1)


def test_pictures_are_asked_for_once(drafts: KeptDrafts) -> None:
    """One that could not be had is not asked for in every run."""
    fetched(drafts, POST, {})
    assert drafts.without_pictures() == {}


def test_a_run_that_is_stopped_leaves_the_pictures_to_the_next(drafts: KeptDrafts) -> None:
    """Nothing is asked for any more."""
    drafts.write(DIGEST, KeptDraft(POST))

    def get(url: str) -> bytes:
        raise AssertionError(url)

    fetch_pictures(drafts, get, stop_requested=lambda: True, show=str)
    assert drafts.without_pictures() == {DIGEST: (f"https://{OWN}/p/0",)}


def test_pictures_that_cannot_be_kept_are_told(drafts: KeptDrafts) -> None:
    """Nothing fails: the sends are made."""
    drafts.write(DIGEST, KeptDraft(POST))
    picture = read_picture(PNG)
    assert picture is not None
    (drafts.folder / picture.file.path).mkdir()
    shown: list[str] = []
    fetch_pictures(drafts, lambda _url: PNG, stop_requested=lambda: False, show=shown.append)
    assert "the pictures of the draft were not kept for `campaign archive`" in shown[-1]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 1, "news_item": []}', '{"version": 1, "news_item": [1]}']
)
def test_a_damaged_file_has_no_pictures(drafts: KeptDrafts, text: str) -> None:
    """It is passed over: an apply ends as it would without it."""
    drafts.write(DIGEST, KeptDraft(POST))
    (drafts.folder / f"{DIGEST}.json").write_text(text, encoding="utf-8")
    assert drafts.without_pictures() == {}


@pytest.mark.parametrize(("environment", "is_fetched"), [("production", True), ("test", False)])
def test_pictures_are_fetched_but_for_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str, is_fetched: bool
) -> None:
    """Its addresses name pictures that no server has. The post here has none, so nothing is asked for."""
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path / "state"))
    account = "{main: {appid: wx0123456789abcdef, kind: service, secret: {env: NONE}}}"
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "_settings.yaml").write_text(
        f"default_environment: test\nenvironments: {{test: {{api: sandbox, accounts: {account}}}, "
        f"production: {{api: 'https://api.weixin.qq.com', accounts: {account}}}}}\n"
    )
    with load(tmp_path / "campaigns", environment=environment) as workspace:
        drafts = KeptDrafts(workspace.drafts_folder)
        drafts.write(DIGEST, KeptDraft([{"title": "杯", "image_info": {"image_list": [{}]}}]))
        keep_draft_pictures(workspace, lambda: False)
    assert (drafts.folder / f"{DIGEST}.pictures.json").exists() is is_fetched
