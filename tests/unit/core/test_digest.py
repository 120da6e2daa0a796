"""Fingerprints: the same for what a follower would see as the same, another for anything else."""

import json
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, make_article, make_file, make_send
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.digest import canonical, plan_digest, sha256
from wechat_campaigns.core.model import Filter, compute_content_digest, filter_form, plan_row
from wechat_campaigns.messages import Articles, Draft, Image, Text, Voice

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20)


@pytest.mark.deep
@given(PLAIN)
def test_canonical_json_is_json_whatever_the_key_order(value: Any):
    def turned(data: Any) -> Any:
        if isinstance(data, dict):
            return {key: turned(data[key]) for key in reversed(list(data))}
        return [turned(item) for item in data] if isinstance(data, list) else data

    assert json.loads(canonical(value)) == value
    assert canonical(turned(value)) == canonical(value)


def test_canonical_json_is_compact_utf8_without_nan():
    assert canonical({"b": "茶", "a": 1}) == '{"a":1,"b":"茶"}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


def test_digest_ignores_file_window_revision_and_account_name():
    file = make_file("a/b.png")
    send = make_send(content=Image(media=Media(file=file)))
    moved = replace(
        send,
        id="other",
        campaign="other",
        content=Image(media=Media(file=replace(file, path=PurePosixPath("c/d.png")))),
        not_before=NOW,
        not_after=NOW + timedelta(days=1),
        revision=9,
        location=Location(file="elsewhere.yaml", line=3),
        account="another name of it",
    )
    assert compute_content_digest(moved) == compute_content_digest(send)


CHANGES = [
    {"filter": Filter(tag="北京")},
    {"filter": Filter(tag_id=100)},
    {"filter": Filter(is_to_all=True)},
    {"filter": Filter(openids=("a", "b"))},
    {"content": Text(content="别的")},
    {"content": Draft(media_id="M")},
    {"send_ignore_reprint": True},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "-".join(change))
def test_any_change_to_content_or_receivers_changes_the_digest(change: dict[str, Any]):
    assert compute_content_digest(make_send(**change)) != compute_content_digest(make_send())


@given(TEXTS, TEXTS)
def test_texts_differ_exactly_when_digests_do(one: str, other: str):
    equal = compute_content_digest(make_send(text=one)) == compute_content_digest(make_send(text=other))
    assert equal == (one == other)


def test_digest_differs_between_msgtypes():
    one, other = (make_send(content=kind(media=Media(file=make_file()))) for kind in (Voice, Image))
    assert compute_content_digest(one) != compute_content_digest(other)


def test_digest_covers_the_bytes_of_an_article_image():
    def of(name: str, data: bytes) -> str:
        return compute_content_digest(
            make_send(content=Articles(articles=(make_article("茶", make_file(name, data)),)))
        )

    assert of("a.png", b"1") == of("b.png", b"1")
    assert of("a.png", b"1") != of("a.png", b"2")


def test_digest_has_only_the_hash_and_count_of_openids():
    form = filter_form(make_send(filter=Filter(openids=("o-one", "o-two"))))
    assert form["openids"]["count"] == 2
    assert "o-one" not in str(form)


@given(st.lists(TEXTS, unique=True, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_plan_digest_does_not_depend_on_the_order(texts: list[str], random: Any):
    sends = [
        plan_row(send, compute_content_digest(send), "wx1")
        for send in (make_send(f"s{n}", t) for n, t in enumerate(texts))
    ]
    shuffled = random.sample(sends, len(sends))
    assert plan_digest(shuffled, "") == plan_digest(sends, "")
    assert plan_digest(sends[1:], "") != plan_digest(sends, "")


def plan_digest_of(appid: str = "wx1", **changes: Any) -> str:
    send = make_send(**changes)
    return plan_digest([plan_row(send, compute_content_digest(send), appid)], "")


@pytest.mark.parametrize(
    "change", [{"revision": 2}, {"not_before": NOW}, {"not_after": NOW}, {"id": "x"}, {"appid": "wx2"}]
)
def test_plan_digest_covers_window_revision_and_appid(change: dict[str, Any]):
    """With another AppID for the account's name, the same text would go to other followers."""
    assert plan_digest_of(**change) != plan_digest_of()


def test_plan_digest_is_equal_for_equal_moments():
    china = NOW.astimezone(timezone(timedelta(hours=8)))
    assert plan_digest_of(not_before=NOW) == plan_digest_of(not_before=china)


def test_sha256_is_stable_over_time():
    assert (
        compute_content_digest(make_send())
        == "d1e66badfee2975f2da9ff968039b362ee824249926cd2276bddd8c1d952105b"
    )
    assert sha256([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
