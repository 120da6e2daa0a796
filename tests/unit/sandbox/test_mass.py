"""Mass sending: what is accepted, what is refused, who receives it, and how long it takes."""

import re
from dataclasses import replace

from tests.unit.sandbox.client import SUBSCRIPTION, TEST, WeChat, dump
from wechat_sandbox.calls import HttpRequest

TEXT = {"content": "你好"}


def test_a_text_to_a_tag_reaches_each_of_its_followers_once(wechat: WeChat) -> None:
    answer = wechat.sendall(clientmsgid="c1", send_ignore_reprint=0)
    assert answer["errcode"] == 0
    assert answer["errmsg"] == "send job submission success"
    assert answer["msg_id"] == 3147483649 > 2**31
    assert "msg_data_id" not in answer
    told = wechat.control("GET", "deliveries", msg_id=answer["msg_id"])
    tagged = wechat.post("user/tag/get", {"tagid": 2})["data"]["openid"]
    assert [row["openid"] for row in told["deliveries"]] == tagged
    assert told["total"] == len(tagged)
    assert told["deliveries"][0]["clientmsgid"] == "c1"
    assert told["deliveries"][0]["content"] == {"text": "你好"}
    (job,) = wechat.control("GET", "jobs")["jobs"]
    assert job["body"] == {
        "filter": {"is_to_all": False, "tag_id": 2}, "msgtype": "text", "text": TEXT,
        "clientmsgid": "c1", "send_ignore_reprint": 0,
    }  # fmt: skip


def test_several_images_go_under_the_key_images(wechat: WeChat) -> None:
    body = {"media_ids": [wechat.material(), wechat.material()], "recommend": "看图"}
    answer = wechat.post(
        "message/mass/sendall", {"filter": {"is_to_all": True}, "msgtype": "image", "images": body}
    )
    assert answer["errcode"] == 0
    (job,) = wechat.control("GET", "jobs")["jobs"]
    assert len(job["content"]["images"]) == 2
    assert job["content"]["recommend"] == "看图"


def test_uploadvideo_makes_an_id_of_a_temporary_video(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "api_video": True})
    body = {"media_id": wechat.temporary("video"), "title": "TITLE", "description": "Description"}
    made = wechat.post("media/uploadvideo", body)
    assert made["type"] == "video"
    assert wechat.sendall("mpvideo", {"media_id": body["media_id"]}, clientmsgid="a")["errcode"] == 40007
    assert wechat.sendall("mpvideo", {"media_id": made["media_id"]})["errcode"] == 0
    (job,) = wechat.control("GET", "jobs")["jobs"]
    assert job["content"]["video"]["title"] == "TITLE"


EVERYONE = {"is_to_all": True}


def in_the_draft_box(wechat: WeChat, media_id: str) -> bool:
    return "news_item" in wechat.post("draft/get", {"media_id": media_id})


def test_a_draft_is_used_up_by_the_success_of_its_send(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "finish_after_s": 10})
    media_id = wechat.draft("春天")
    answer = wechat.sendall("mpnews", {"media_id": media_id}, filter=EVERYONE)
    assert answer["msg_data_id"] > 2**31
    assert in_the_draft_box(wechat, media_id)
    wechat.wait(11)
    assert not in_the_draft_box(wechat, media_id)
    again = wechat.sendall("mpnews", {"media_id": media_id}, clientmsgid="other")
    assert again["errcode"] == 40007
    to_tag = wechat.draft()
    wechat.sendall("mpnews", {"media_id": to_tag})
    wechat.wait(11)
    assert not in_the_draft_box(wechat, to_tag)


def test_a_failed_job_leaves_its_draft(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "verdict": "err(20001)"})
    media_id = wechat.draft()
    send = {"value": {"media_id": media_id}, "filter": EVERYONE, "clientmsgid": "same"}
    assert wechat.sendall("mpnews", **send)["errcode"] == 0
    assert in_the_draft_box(wechat, media_id)
    assert wechat.sendall("mpnews", **send)["errcode"] == 45065, "nor is its clientmsgid free"


def test_a_send_to_openids_leaves_its_draft_and_keeps_its_links(wechat: WeChat) -> None:
    people, media_id = wechat.openids(), wechat.draft()
    body = {"msgtype": "mpnews", "mpnews": {"media_id": media_id}}
    first, second = (
        wechat.post("message/mass/send", {**body, "touser": people[n : n + 2]})["msg_data_id"] for n in (0, 2)
    )
    wechat.next_day()
    third = wechat.post("message/mass/send", {**body, "touser": people[4:6]})["msg_data_id"]
    assert first == second != third
    assert in_the_draft_box(wechat, media_id)
    told = wechat.control("GET", "deliveries")["deliveries"]
    assert [row["openid"] for row in told] == people[:6]
    first_jobs = wechat.control("GET", "jobs")["jobs"][:2]
    wechat.post("message/mass/delete", {"msg_id": first_jobs[0]["msg_id"]})
    recalled = [job["status"] for job in wechat.control("GET", "jobs")["jobs"]]
    assert recalled == ["DELETE", "DELETE", "SEND_SUCCESS"]


def test_msg_ids_are_of_two_series(wechat: WeChat) -> None:
    assert wechat.sendall(filter=EVERYONE)["msg_id"] == 1000000001
    assert [wechat.sendall(clientmsgid=name)["msg_id"] for name in "ab"] == [3147483649, 3147483650]


def test_cards_are_retired_unless_allowed(wechat: WeChat) -> None:
    assert wechat.sendall("wxcard", {"card_id": "C"})["errcode"] == 45113
    wechat.control("POST", "accounts", {"appid": wechat.appid, "retired_cards": True})
    assert wechat.sendall("wxcard", {"card_id": "C"})["errcode"] == 0


def test_a_repeated_clientmsgid_names_the_job(wechat: WeChat) -> None:
    first = wechat.sendall(clientmsgid="same")["msg_id"]
    at_once = wechat.sendall(clientmsgid="same")
    assert (at_once["errcode"], at_once["msg_id"]) == (45065, first)
    assert "msg_data_id" not in at_once
    wechat.wait(61)
    again = wechat.sendall(clientmsgid="same")
    assert (again["errcode"], again["msg_id"]) == (45065, first)
    wechat.wait(24 * 3600)
    assert wechat.sendall(clientmsgid="same")["errcode"] == 0


def test_a_clientmsgid_whose_request_is_in_hand_is_too_fast(wechat: WeChat) -> None:
    codes = []
    body = {"filter": EVERYONE, "msgtype": "text", "text": TEXT, "clientmsgid": "same"}
    raw = HttpRequest(
        method="POST",
        path="/cgi-bin/message/mass/sendall",
        query={"access_token": wechat.token},
        raw=dump(body),
    )

    def meanwhile(_seconds: float) -> None:
        codes.extend(
            [wechat.dispatcher.handle(raw)[0]["errcode"], wechat.sendall(clientmsgid="b")["errcode"]]
        )  # type: ignore[call-overload, index]

    wechat.control("POST", "faults", {"endpoint": "message/mass/sendall", "kind": "latency", "latency_s": 5})
    slow = replace(wechat.dispatcher, sleep=meanwhile)
    codes.append(slow.handle(raw)[0]["errcode"])  # type: ignore[call-overload, index]
    codes.append(slow.handle(raw)[0]["errcode"])  # type: ignore[call-overload, index]
    assert codes == [45066, 0, 0, 45065]


def test_without_clientmsgid_same_audience_and_content_collide(wechat: WeChat) -> None:
    first = wechat.sendall()["msg_id"]
    wechat.wait(61)
    body = {"text": TEXT, "msgtype": "text", "filter": {"tag_id": 2, "is_to_all": False}}
    assert wechat.post("message/mass/sendall", body)["msg_id"] == first
    assert wechat.post("message/mass/sendall", {**body, "clientmsgid": ""})["msg_id"] == first
    assert wechat.sendall("text", {"content": "另一条"})["errcode"] == 0


def test_who_may_send(wechat: WeChat) -> None:
    body = {"touser": wechat.of(SUBSCRIPTION).openids()[:2], "msgtype": "text", "text": TEXT}
    test = wechat.of(TEST)
    for filter in (EVERYONE, {"is_to_all": False, "tag_id": 2}):
        assert test.sendall(filter=filter)["errcode"] == 0
    news = test.sendall("mpnews", {"media_id": test.draft()})
    assert test.post("message/mass/get", {"msg_id": news["msg_id"]})["msg_status"] == "SEND_SUCCESS"
    assert test.post("message/mass/delete", {"msg_id": news["msg_id"]})["errcode"] == 0
    assert test.post("message/mass/send", body)["errcode"] == 48001
    voice = test.sendall("voice", {"media_id": test.material("voice")})
    assert voice["errcode"] == 48008
    assert wechat.of(SUBSCRIPTION).post("message/mass/send", body)["errcode"] == 48001


def test_a_subscription_account_sends_once_a_day(wechat: WeChat) -> None:
    account = wechat.of(SUBSCRIPTION)
    assert account.sendall(clientmsgid="a")["errcode"] == 0
    assert account.sendall(clientmsgid="b")["errcode"] == 45028
    account.wait(13 * 3600)
    assert account.sendall(clientmsgid="c")["errcode"] == 0


def test_a_service_account_sends_to_everyone_once_a_day(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "verdict": "err(20001)"})
    assert wechat.sendall(filter=EVERYONE, clientmsgid="a")["errcode"] == 0
    wechat.control("POST", "accounts", {"appid": wechat.appid, "verdict": "send success"})
    assert wechat.sendall(filter=EVERYONE, clientmsgid="b")["errcode"] == 0
    assert wechat.sendall(filter=EVERYONE, clientmsgid="c")["errcode"] == 45028
    assert wechat.sendall(clientmsgid="d")["errcode"] == 0
    wechat.next_day()
    assert wechat.sendall(filter=EVERYONE, clientmsgid="e")["errcode"] == 0


def test_a_service_account_reaches_everyone_four_times_a_month(wechat: WeChat) -> None:
    for name in "abcd":
        assert wechat.sendall(filter=EVERYONE, clientmsgid=name)["errcode"] == 0
        wechat.next_day()
    assert wechat.sendall(filter=EVERYONE, clientmsgid="e")["errcode"] == 45028
    fifth = wechat.sendall(clientmsgid="f")
    (job,) = wechat.control("GET", "jobs", msg_id=fifth["msg_id"])["jobs"]
    assert (job["delivered"], job["filtered"]) == (0, job["total"])
    assert job["total"] == 6


def test_a_clientmsgid_is_forgotten_when_the_switch_says(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "clientmsgid_s": 3600})
    codes = [wechat.sendall(clientmsgid="a")["errcode"] for _call in range(2)]
    wechat.wait(3601)
    assert [*codes, wechat.sendall(clientmsgid="a")["errcode"]] == [0, 45065, 0]


def test_calls_are_counted_by_minute_and_day(wechat: WeChat) -> None:
    codes = [wechat.sendall("text", {"content": str(n)})["errcode"] for n in range(61)]
    assert codes == [0] * 60 + [45011]
    wechat.wait(60)
    codes = [wechat.sendall("text", {"content": f"x{n}"})["errcode"] for n in range(40)]
    assert codes == [0] * 39 + [45009]


def test_a_lost_follower_is_dropped_silently(wechat: WeChat) -> None:
    tagged = wechat.post("user/tag/get", {"tagid": 2})["data"]["openid"]
    wechat.control("POST", "followers", {"appid": wechat.appid, "openids": tagged[:1], "subscribe": False})
    wechat.sendall()
    told = wechat.control("GET", "deliveries")
    assert [row["openid"] for row in told["deliveries"]] == tagged[1:]
    (job,) = wechat.control("GET", "jobs")["jobs"]
    assert (job["total"], job["filtered"]) == (len(tagged) - 1, 0)


def test_the_audience_is_fixed_at_acceptance(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "finish_after_s": 10})
    msg_id = wechat.sendall()["msg_id"]
    assert wechat.post("message/mass/get", {"msg_id": str(msg_id)}) == {
        "msg_id": msg_id,
        "msg_status": "SENDING",
    }
    assert wechat.control("GET", "deliveries")["total"] == 0
    newcomer = wechat.openids()[1]
    assert wechat.post("tags/members/batchtagging", {"tagid": 2, "openid_list": [newcomer]})["errcode"] == 0
    wechat.wait(11)
    assert wechat.post("message/mass/get", {"msg_id": msg_id})["msg_status"] == "SEND_SUCCESS"
    assert newcomer not in [row["openid"] for row in wechat.control("GET", "deliveries")["deliveries"]]


def test_protection_waits_for_the_administrator(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "protection": True})
    confirmed = wechat.sendall(filter=EVERYONE, clientmsgid="a")["msg_id"]
    wechat.control("POST", "admin", {"msg_id": confirmed, "confirm": True})
    wechat.next_day()
    refused = wechat.sendall(filter=EVERYONE, clientmsgid="b")["msg_id"]
    wechat.control("POST", "admin", {"msg_id": refused, "confirm": False})
    late = wechat.sendall(filter=EVERYONE, clientmsgid="c")["msg_id"]
    wechat.wait(31 * 60)
    ended = {job["msg_id"]: job["verdict"] for job in wechat.control("GET", "jobs")["jobs"]}
    assert ended == {confirmed: "send success", refused: "err(40001)", late: "err(40002)"}
    assert "error" in wechat.control("POST", "admin", {"msg_id": late, "confirm": True})


def test_recall(wechat: WeChat) -> None:
    text = wechat.sendall()["msg_id"]
    news = wechat.sendall("mpnews", {"media_id": wechat.draft()})
    delete = "message/mass/delete"
    assert wechat.post(delete, {"msg_id": text})["errcode"] == 40059
    assert wechat.post(delete, {"msg_id": news["msg_id"], "article_idx": 2})["errcode"] == 40060
    links = wechat.control("GET", "events")["events"][-1]["ArticleUrlResult"]["ResultList"]["item"]
    assert re.fullmatch(r"http://mp\.weixin\.qq\.com/s/[0-9A-Za-z_-]{22}", links[0]["ArticleUrl"])
    assert wechat.post(delete, {"msg_id": news["msg_id"], "article_idx": 1})["errcode"] == 0
    assert wechat.post("message/mass/get", {"msg_id": news["msg_id"]})["msg_status"] == "DELETE"
    assert wechat.post(delete, {"msg_id": news["msg_id"]})["errcode"] == 40065


def test_preview_reaches_one_tester_and_keeps_the_draft(wechat: WeChat) -> None:
    media_id = wechat.draft()
    body = {"msgtype": "mpnews", "mpnews": {"media_id": media_id}, "touser": "nix", "towxname": "tester2"}
    answer = wechat.post("message/mass/preview", body)
    assert (answer["errcode"], "msg_id" in answer) == (0, False)
    (shown,) = wechat.control("GET", "deliveries")["previews"]
    assert shown["openid"] == wechat.openids()[1]
    assert wechat.control("GET", "deliveries")["total"] == 0
    assert wechat.sendall("mpnews", {"media_id": media_id})["errcode"] == 0


def test_preview_by_name_a_hundred_times_a_day(wechat: WeChat) -> None:
    body = {"msgtype": "text", "text": TEXT, "towxname": "tester1"}
    codes = [wechat.post("message/mass/preview", body)["errcode"] for _ in range(101)]
    assert codes == [0] * 100 + [45009]
    by_openid = {"msgtype": "text", "text": TEXT, "towxname": "", "touser": wechat.openids()[0]}
    assert wechat.post("message/mass/preview", by_openid)["errcode"] == 45009
    wechat.control("POST", "clock", {"at": "2026-12-02T00:00:01+08:00"})
    wechat._token = ""
    assert wechat.post("message/mass/preview", body)["errcode"] == 0


def test_temporary_media_are_not_sent(wechat: WeChat) -> None:
    image, voice = wechat.temporary("image"), wechat.temporary("voice")
    several = {"filter": EVERYONE, "msgtype": "image", "images": {"media_ids": [image]}}
    assert wechat.post("message/mass/sendall", several)["errcode"] == 40128
    assert wechat.sendall("image", {"media_id": image})["errcode"] == 40128
    assert wechat.sendall("voice", {"media_id": voice})["errcode"] == 40128
    people = wechat.openids()
    to_openids = {"touser": people[:2], "msgtype": "voice", "voice": {"media_id": voice}}
    assert wechat.post("message/mass/send", to_openids)["errcode"] == 40128
    assert wechat.post("message/mass/preview", {**to_openids, "touser": people[0]})["errcode"] == 0


def test_api_video_is_refused_unless_allowed(wechat: WeChat) -> None:
    for media_id, by_api in (("CONSOLE", False), ("API", True)):
        media = {"appid": wechat.appid, "media_id": media_id, "kind": "video", "by_api": by_api}
        wechat.control("POST", "media", media)
    assert wechat.sendall("mpvideo", {"media_id": "CONSOLE"})["errcode"] == 0
    refused = wechat.sendall("mpvideo", {"media_id": "API"}, clientmsgid="a")["errcode"]
    assert refused == 48022
    wechat.control("POST", "accounts", {"appid": wechat.appid, "api_video": True})
    assert wechat.sendall("mpvideo", {"media_id": "API"}, clientmsgid="b")["errcode"] == 0
    assert wechat.sendall("mpvideo", {"media_id": wechat.material()}, clientmsgid="c")["errcode"] == 40007


def test_preview_needs_one_who_still_follows(wechat: WeChat) -> None:
    openid = wechat.openids()[0]
    wechat.control("POST", "followers", {"appid": wechat.appid, "openids": [openid], "subscribe": False})
    body = {"msgtype": "text", "text": TEXT, "touser": openid}
    assert wechat.post("message/mass/preview", body)["errcode"] == 43004


def test_the_speed_is_an_accounts_own_and_stays(wechat: WeChat) -> None:
    assert wechat.get("message/mass/speed/get") == {"speed": 0, "realspeed": 80}
    assert wechat.post("message/mass/speed/set", {"speed": 3})["errcode"] == 0
    assert wechat.post("message/mass/speed/get", {"speed": 0}) == {"speed": 3, "realspeed": 30}
    assert wechat.of(SUBSCRIPTION).get("message/mass/speed/get")["speed"] == 0
    assert wechat.of(TEST).get("message/mass/speed/get")["errcode"] == 48001


def test_a_fault_stands_for_an_answer_that_is_a_file(wechat: WeChat) -> None:
    wechat.control(
        "POST", "faults", {"endpoint": "material/get_material", "kind": "errcode", "errcode": 45065}
    )
    assert wechat.post("material/get_material", {"media_id": wechat.material()})["errcode"] == 45065
