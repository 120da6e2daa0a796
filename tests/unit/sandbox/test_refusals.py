"""What each call refuses, and the errcode it says so with; 0 stands for what only just passes."""

from typing import Any

from tests.unit.sandbox.bodies import ARTICLE, POST, SENDALL
from tests.unit.sandbox.client import SERVICE, SUBSCRIPTION, WeChat
from wechat_sandbox.seeds import openid_of

OPENIDS = [openid_of(SERVICE, number) for number in range(60)]
ONE = OPENIDS[0]
STRANGER = openid_of(SUBSCRIPTION, 0)
EVERYONE = {"is_to_all": True}
TEXT = {"content": "你好"}
NO_NUMBERS = ("--5", "9" * 5000, "²", "1_0", "٣", "9" * 20)
CUT = {"x1": "0", "y1": "0.1945", "x2": "1", "y2": "0.5236"}


def text_to(**audience: object) -> dict[str, object]:
    return {"msgtype": "text", "text": TEXT, **audience}


def cut(ratio: str, **change: object) -> dict[str, object]:
    return {"cover_info": {"crop_percent_list": [{"ratio": ratio, **CUT, **change}]}}


def pictures(*media_ids: str) -> dict[str, object]:
    return {**POST, "image_info": {"image_list": [{"image_media_id": one} for one in media_ids]}}


BATCH: list[tuple[dict[str, object], int]] = [
    ({"openid_list": []}, 40032),
    ({"openid_list": OPENIDS[:51]}, 40032),
    ({"openid_list": None}, 40031),
    ({"openid_list": "o1"}, 40031),
    ({"openid_list": [1]}, 40031),
    ({"openid_list": [ONE, STRANGER]}, 49003),
    ({"openid_list": [ONE, "o1"]}, 40003),
    ({"tagid": None}, 45159),
    ({"tagid": 999}, 45159),
    ({}, 0),
]
ARTICLES: list[tuple[dict[str, object], int]] = [
    ({"title": ""}, 45003),
    ({"title": "长" * 65}, 45003),
    ({"author": "长" * 17}, 45110),
    ({"digest": "长" * 121}, 45004),
    ({"content": ""}, 44003),
    ({"content": "长" * 20_000}, 45002),
    ({"content_source_url": "ftp://x"}, 41039),
    ({"content_source_url": "https://x/" + "a" * 1024}, 45005),
    ({"thumb_media_id": "nix"}, 40007),
    ({"article_type": "x"}, 40035),
    ({"pic_crop_235_1": "0_0_2_1"}, 40035),
    ({"pic_crop_235_1": "0.1945_0_1_0.5236"}, 0),
    ({"need_open_comment": "yes"}, 40035),
    (cut("1_1"), 0),
    (cut("16_9"), 40035),
    (cut("1_1", x2=1), 40035),
    ({"cover_info": 1}, 40035),
    ({"cover_info": {"crop_percent_list": 1}}, 40035),
    ({"title": "长" * 64, "author": "长" * 16, "digest": "长" * 120}, 0),
    (pictures(*["I"] * 20), 0),
    (pictures(*["I"] * 21), 40215),
    (pictures(), 40007),
    (pictures("V"), 40007),
]
TABLE: list[tuple[str, dict[str, object], list[tuple[dict[str, object], int]]]] = [
    ("tags/create", {}, [({"tag": {"name": name}}, 45157) for name in ("会员", "", 7, None)]),
    ("tags/create", {}, [({"tag": {"name": "长" * 11}}, 45158), ({"tag": {"name": "长" * 10}}, 0)]),
    ("tags/update", {}, [({"tag": {"id": 100, "name": "北京"}}, 45157), ({"tag": {"id": 2}}, 45058),
                         ({"tag": {"id": 900, "name": "x"}}, 45159)]),
    ("tags/delete", {}, [({"tag": {"id": 2}}, 45058), ({"tag": {"id": 900}}, 45159),
                         ({"tag": {"id": 101}}, 0)]),
    ("tags/getidlist", {}, [({"openid": STRANGER}, 49003), ({"openid": "o1"}, 40003), ({"openid": ""}, 40003),
                            ({"openid": 7}, 40003), ({}, 40003)]),
    ("tags/members/batchtagging", {"tagid": 100, "openid_list": [ONE]}, BATCH),
    ("tags/members/batchuntagging", {"tagid": 100, "openid_list": [ONE]}, BATCH),
    ("user/tag/get", {}, [({"tagid": 999}, 45159)]),
    ("user/info/batchget", {}, [({"user_list": [{"openid": ONE}] * 101}, 40032)]),
    ("material/get_material", {}, [({"media_id": "nix"}, 40007), ({"media_id": "D"}, 40007), ({}, 41006)]),
    ("material/batchget_material", {"type": "image"}, [({"type": "x"}, 40004), ({"count": 21}, 40097)]),
    *(("draft/add", {"articles": [{**ARTICLE, **change}]}, [({}, errcode)]) for change, errcode in ARTICLES),
    ("draft/add", {}, [({"articles": [ARTICLE] * 8}, 0), ({"articles": [ARTICLE] * 9}, 45008),
                       ({"articles": []}, 44003), ({"articles": ["x"]}, 44003)]),
    ("draft/update", {"media_id": "D", "index": 0, "articles": ARTICLE},
     [({"index": 1}, 40114), ({"articles": [ARTICLE]}, 44003)]),
    (SENDALL, {"filter": EVERYONE}, [(change, 40008) for change in (
        {"msgtype": "text", "voice": {"media_id": "M"}}, {"msgtype": "text"}, {"text": TEXT},
        {"msgtype": "text", "text": TEXT, "voice": {"media_id": "M"}}, {"msgtype": 3, "text": TEXT},
        {"msgtype": "nix", "text": TEXT}, {"msgtype": "text", "text": "你好"},
        {"msgtype": "music", "music": {}})]),
    (SENDALL, {"filter": EVERYONE, "msgtype": "text"},
     [({"text": {"content": ""}}, 44004), ({"text": {"content": "长" * 700}}, 45002)]),
    (SENDALL, {"filter": EVERYONE, "msgtype": "image"},
     [({"images": {"media_ids": ["I"] * 21}}, 40215), ({"image": {"media_id": "V"}}, 40007),
      ({"image": {"media_id": "nix"}}, 40007)]),
    (SENDALL, {"filter": EVERYONE, "msgtype": "voice"}, [({"voice": {"media_id": "I"}}, 40007)]),
    (SENDALL, text_to(), [({"filter": chosen}, errcode) for chosen, errcode in (
        (None, 40035), ({"is_to_all": False, "tag_id": 999}, 40152), ({"is_to_all": False}, 40152),
        ({"is_to_all": False, "tag_id": True}, 40152), ({"is_to_all": False, "tag_id": 2**70}, 40152),
        ({"is_to_all": "false", "tag_id": 2}, 40008), ({"is_to_all": False, "tag_id": "2"}, 268488001),
        ({"group_id": 2}, 0))]),
    (SENDALL, text_to(filter=EVERYONE), [({"clientmsgid": value}, errcode) for value, errcode in (
        ("a" * 32, 0), ("a" * 33, 45067), ("好" * 11, 45067), (7, 40035))]),
    ("message/mass/send", text_to(), [({"touser": people}, errcode) for people, errcode in (
        ([ONE], 40130), ("o", 40031), ([1, 2], 40031), ([f"o{n:027}" for n in range(10_001)], 40032),
        ([ONE, STRANGER, "o1"], 40130), ([*OPENIDS[2:4], STRANGER], 40003), (OPENIDS[:2], 0))]),
    *(row for odd in NO_NUMBERS for row in (
        ("message/mass/get", {}, [({"msg_id": odd}, 40059)]),
        (SENDALL, text_to(), [({"filter": {"is_to_all": False, "tag_id": odd}}, 40152)]),
        ("message/mass/delete", {}, [({"msg_id": odd}, 40059)]))),
    ("message/mass/preview", {"towxname": "tester1"},
     [({"msgtype": "mpvideo", "mpvideo": {"media_id": "V", "title": [1]}}, 40035)]),
    ("message/mass/preview", text_to(), [({"towxname": "nobody"}, 40132), ({"touser": "o1"}, 40003),
                                         ({}, 40003)]),
    ("message/mass/delete", {}, [({"msg_id": 1}, 40059), ({}, 40059)]),
    ("message/mass/speed/set", {}, [({}, 45084), ({"speed": 5}, 45083), ({"speed": -1}, 45083),
                                    ({"speed": "fast"}, 45083), ({"speed": None}, 45083), ({"speed": 4}, 0)]),
    ("openapi/quota/get", {}, [({"cgi_path": "/nix"}, 76021)]),
]  # fmt: skip


def test_each_refusal_has_its_errcode(wechat: WeChat) -> None:
    wechat.stock()
    wrong: list[Any] = []
    for path, right, cases in TABLE:
        for change, errcode in cases:
            answer = wechat.post(path, {**right, **change})
            if answer.get("errcode", 0) != errcode:
                wrong.append((path, str(change)[:100], errcode, answer))
    assert wrong == []
