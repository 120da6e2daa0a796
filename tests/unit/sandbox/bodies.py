"""A right body of each call, for tests that spoil one part of it or send anything at all."""

from hypothesis import strategies as st

SENDALL = "message/mass/sendall"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)

MASS = {"msgtype": "text", "text": {"content": "x"}, "send_ignore_reprint": 0, "clientmsgid": "c"}
ARTICLE = {"title": "t", "content": "c", "thumb_media_id": "T", "author": "a", "digest": "d",
           "content_source_url": "http://x", "need_open_comment": 0, "pic_crop_1_1": "0_0_1_1"}  # fmt: skip
POST = {
    "article_type": "newspic",
    "title": "t",
    "content": "c",
    "image_info": {"image_list": [{"image_media_id": "I"}]},
}
BODIES: list[tuple[str, dict[str, object]]] = [
    ("stable_token", {"grant_type": "client_credential", "appid": "a", "secret": "s", "force_refresh": True}),
    ("openapi/quota/get", {"cgi_path": "/x"}),
    ("tags/create", {"tag": {"name": "x"}}),
    ("tags/update", {"tag": {"id": 100, "name": "x"}}),
    ("tags/delete", {"tag": {"id": 100}}),
    ("tags/getidlist", {"openid": "o1"}),
    ("user/tag/get", {"tagid": 2, "next_openid": ""}),
    ("tags/members/batchtagging", {"tagid": 2, "openid_list": ["o1"]}),
    ("user/info/batchget", {"user_list": [{"openid": "o1"}]}),
    ("media/uploadvideo", {"media_id": "V", "title": "t", "description": "d"}),
    ("material/get_material", {"media_id": "I"}),
    ("material/batchget_material", {"type": "image", "offset": 0, "count": 1}),
    ("draft/add", {"articles": [ARTICLE]}),
    ("draft/add", {"articles": [POST]}),
    ("draft/update", {"media_id": "D", "index": 0, "articles": ARTICLE}),
    ("draft/batchget", {"offset": 0, "count": 1, "no_content": 1}),
    (SENDALL, {**MASS, "filter": {"is_to_all": False, "tag_id": 2}}),
    (SENDALL, {"filter": {"is_to_all": True}, "msgtype": "mpnews", "mpnews": {"media_id": "x"}}),
    (SENDALL, {"filter": {"is_to_all": True}, "msgtype": "voice", "voice": {"media_id": "x"}}),
    (
        SENDALL,
        {"filter": {"is_to_all": True}, "msgtype": "mpvideo", "mpvideo": {"media_id": "V", "title": "t"}},
    ),
    (
        SENDALL,
        {
            "filter": {"is_to_all": True},
            "msgtype": "image",
            "images": {"media_ids": ["I"], "title": "t", "recommend": "r", "need_open_comment": 0},
        },
    ),
    ("message/mass/send", {**MASS, "touser": ["o1", "o2"]}),
    ("message/mass/preview", {**MASS, "touser": "o1", "towxname": "tester1"}),
    ("message/mass/get", {"msg_id": 1}),
    ("message/mass/speed/set", {"speed": 1}),
    ("message/mass/delete", {"msg_id": 1, "article_idx": 0}),
]
