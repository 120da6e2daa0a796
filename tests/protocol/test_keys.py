"""Names of messages, and the macs that only the AppSecret makes."""

import hashlib
import hmac
import re
from dataclasses import replace
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.stories import APPID, KEY, START
from wechat_campaigns.ledger.events import next_event
from wechat_campaigns.protocol.events import EMPTY, Entry
from wechat_campaigns.protocol.keys import SendId, clientmsgid, mac_key, mac_of, normalize_id

WORDS = st.text(st.characters(exclude_characters="[]#", exclude_categories=("Cs",)), min_size=1)
IDS = st.builds(SendId, WORDS, st.none() | WORDS, st.none() | st.integers(1))
ENTRY = Entry(stream=APPID, kind="intent", data={"send": "sale", "revision": 1, "msg_id": 1}, nonce="n")


@given(IDS)
def test_parsing_and_writing_an_id_are_inverse(made: SendId) -> None:
    assert SendId.parse(str(made)) == made


@pytest.mark.parametrize(
    "text", ["", "[a]", "#1", "a[]", "a[b", "a]b", "a#", "a#0", "a#01", "a#x", "a#1[b]", "a[b][c]", "a#1#2"]
)
def test_text_that_is_not_an_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        SendId.parse(text)


def test_parts_of_an_id() -> None:
    assert SendId.parse("shop:a/sale[beijing]#12") == SendId("shop:a/sale", "beijing", 12)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Sale", "sale"), ("CAFÉ", "cafe\u0301"), ("straße", "STRASSE"), ("ﬁn", "FIN"), ("Ǆ", "ǆ")],
)
def test_two_spellings_of_a_name_have_one_key(one: str, other: str) -> None:
    assert normalize_id(one) == normalize_id(other)
    assert clientmsgid(APPID, one, 1) == clientmsgid(APPID, other, 1)


@given(WORDS)
def test_comparison_form_is_stable(text: str) -> None:
    assert normalize_id(normalize_id(text)) == normalize_id(text)
    assert normalize_id(normalize("NFD", text)) == normalize_id(text)


@given(WORDS, WORDS, st.integers(1, 99), st.integers(1, 99))
def test_clientmsgid_is_unique_to_its_send_key(one: str, other: str, first: int, second: int) -> None:
    ids = clientmsgid("wx1", one, first), clientmsgid("wx1", other, second)
    assert all(re.fullmatch("[0-9a-f]{32}", value) for value in ids)
    assert (ids[0] == ids[1]) == ((normalize_id(one), first) == (normalize_id(other), second))
    assert clientmsgid("wx2", one, first) != ids[0]


def test_clientmsgid_never_changes_between_versions() -> None:
    """Another value would send unknown sends a second time."""
    assert clientmsgid("wx1", "sale", 1) == hashlib.sha256(
        b'["clientmsgid","wx1","sale",1]'
    ).hexdigest()[:32]  # fmt: skip


@pytest.mark.parametrize("root", ["s" * 32, "5e" * 32], ids=["AppSecret", "ledger_key"])
def test_mac_key_is_derived_by_hkdf(root: str) -> None:
    """RFC 5869 with one block: its first test vector by the same two steps, then our key by them."""

    def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
        extracted = hmac.digest(salt, secret, "sha256")
        return hmac.digest(extracted, info + b"\x01", "sha256")

    vector = hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)))
    assert vector.hex().startswith("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
    assert mac_key(root, "wx1") == hkdf(root.encode(), bytes(32), b"wechat-campaigns/ledger-mac/1/wx1")
    assert mac_key(root, "wx2") != mac_key(root, "wx1") != mac_key(f"t{root[1:]}", "wx1")


CHANGES: list[dict[str, Any]] = [
    {"stream": "wx9"},
    {"kind": "resend"},
    {"nonce": "m"},
    {"data": {**ENTRY.data, "send": "sale2"}},
    {"data": {**ENTRY.data, "revision": 2}},
    {"data": {**ENTRY.data, "msg_id": 2}},
    {"data": {**ENTRY.data, "more": 0}},
    {"data": {"send": "sale", "revision": 1}},
    {"data": {**ENTRY.data, "msg_id": "1"}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_any_change_of_an_event_breaks_its_mac(change: dict[str, Any]) -> None:
    assert mac_of(KEY, replace(ENTRY, **change)) != mac_of(KEY, ENTRY)


def test_mac_in_an_event_covers_the_rest_of_it() -> None:
    kept = next_event(replace(ENTRY, data={**ENTRY.data, "mac": mac_of(KEY, ENTRY)}), at=START, head=EMPTY)
    assert mac_of(KEY, kept) == kept.data["mac"]
    assert mac_of(mac_key("other", APPID), ENTRY) != kept.data["mac"]
