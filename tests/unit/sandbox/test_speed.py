"""The sending speed: its range, and how long jobs take at it."""

import pytest

from tests.unit.sandbox.client import SUBSCRIPTION, TEST, WeChat

EVERYONE = {"is_to_all": True}


@pytest.mark.parametrize(("speed", "realspeed"), [(0, 80), (1, 60), (2, 45), (3, 30), (4, 10)])
def test_speed(wechat: WeChat, speed: int, realspeed: int) -> None:
    assert wechat.post("message/mass/speed/get", {"speed": 3}) == {"speed": 0, "realspeed": 80}
    assert wechat.post("message/mass/speed/set", {"speed": speed})["errcode"] == 0
    assert wechat.post("message/mass/speed/get") == {"speed": speed, "realspeed": realspeed}
    assert wechat.get("message/mass/speed/get")["speed"] == speed
    assert wechat.of(SUBSCRIPTION).post("message/mass/speed/get")["speed"] == 0
    assert wechat.of(TEST).post("message/mass/speed/get")["errcode"] == 48001


def test_a_job_takes_as_long_as_its_followers_and_the_speed_make_it(wechat: WeChat) -> None:
    wechat.control("POST", "seed", {"accounts": [{"appid": wechat.appid, "followers": 5000}]})
    wechat.post("message/mass/speed/set", {"speed": 4})
    slow = wechat.sendall(filter=EVERYONE)["msg_id"]
    wechat.post("message/mass/speed/set", {"speed": 0})
    few = wechat.sendall("text", {"content": "a"})["msg_id"]

    def states() -> list[str]:
        ids = (slow, few)
        return [wechat.post("message/mass/get", {"msg_id": number})["msg_status"] for number in ids]

    wechat.wait(2)
    assert states() == ["SENDING", "SEND_SUCCESS"]
    wechat.wait(1)
    assert states() == ["SEND_SUCCESS", "SEND_SUCCESS"]

    wechat.next_day()
    wechat.control("POST", "accounts", {"appid": wechat.appid, "protection": True})
    wechat.post("message/mass/speed/set", {"speed": 4})
    waiting = wechat.sendall("text", {"content": "b"}, filter=EVERYONE)["msg_id"]
    job = wechat.control("POST", "admin", {"msg_id": waiting, "confirm": True})["job"]
    assert job["status"] == "SENDING"
    wechat.wait(3)
    assert wechat.post("message/mass/get", {"msg_id": waiting})["msg_status"] == "SEND_SUCCESS"
