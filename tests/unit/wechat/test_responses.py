"""What is read out of a reply."""

from __future__ import annotations

from wechat_campaigns.wechat.responses import Reply, parse_response


def test_half_an_emoji_becomes_a_question_mark():
    """A name cut in the middle of a character must not end a run whose send was made."""
    body = b'{"errcode":45028,"errmsg":"bad \\ud83d","tags":[{"name":"\\ud83c\\udf75\\ud83d"}]}'
    answer = parse_response("/cgi-bin/x", Reply(status=200, body=body))
    assert answer["errmsg"] == "bad ?"
    assert answer["tags"] == [{"name": "🍵?"}]


def test_big_numbers_stay_exact():
    answer = parse_response("/cgi-bin/x", Reply(status=200, body=b'{"errcode":0,"msg_id":9007199254740993}'))
    assert answer["msg_id"] == 9007199254740993
