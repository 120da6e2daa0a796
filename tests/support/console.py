"""What a colleague does in the WeChat console beside the tool, in a sandbox whose clock moves."""

from datetime import date, datetime, timedelta

from tests.support.playground import SERVICE, Sandbox
from wechat_campaigns.plan.quota import CHINA


def set_clock(sandbox: Sandbox, day: date, time: str) -> None:
    """Move the sandbox's clock: `set_clock(sandbox, date(2026, 12, 1), "20:00")`, in China time."""
    sandbox.control("POST", "clock", {"at": f"{day.isoformat()}T{time}:00+08:00"})


def set_noon(sandbox: Sandbox, days_on: int) -> None:
    """Move the sandbox's clock to noon in China, so many days on: figures are ready at 08:00."""
    now = datetime.fromisoformat(sandbox.control("GET", "clock")["now"])
    set_clock(sandbox, now.astimezone(CHINA).date() + timedelta(days=days_on), "12:00")


def add_draft(sandbox: Sandbox, media_id: str, *titles: str, appid: str = SERVICE) -> None:
    """Write a draft of articles that readers may comment on."""
    articles = [{"title": title, "content": "茶", "need_open_comment": 1} for title in titles]
    sandbox.media(media_id, "news", appid=appid, articles=articles)


def send_by_hand(sandbox: Sandbox, media_id: str, appid: str = SERVICE) -> int:
    """Notify every follower of a draft; its msg_data_id."""
    body = {
        "filter": {"is_to_all": True},
        "msgtype": "mpnews",
        "mpnews": {"media_id": media_id},
        "clientmsgid": f"console-{media_id}"[:32],
    }
    answer = sandbox.call("message/mass/sendall", body, appid)
    assert answer.get("errcode", 0) == 0, answer
    return int(answer["msg_data_id"])
