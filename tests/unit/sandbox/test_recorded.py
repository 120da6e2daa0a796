"""What WeChat was recorded to answer, the sandbox answers too."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.recorded import differences
from tests.unit.sandbox.client import open_sandbox

FILES = sorted((Path(__file__).parents[2] / "recorded").glob("*.json"))


@pytest.fixture(scope="module")
def served() -> Iterator[Any]:
    with open_sandbox() as served:
        yield served


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_the_sandbox_answers_as_recorded(file: Path, served: Any) -> None:
    recorded = json.loads(file.read_text(encoding="utf-8"))
    assert {"format_version", "source", "date", "account", "exchanges"} <= recorded.keys()
    assert recorded["format_version"] == 1
    assert differences(recorded, served) == []


ANSWERED = {"errcode": 40059, "errmsg": "invalid msg id"}


@pytest.mark.parametrize(
    ("answer", "free", "found"),
    [
        (ANSWERED, [], []),
        ({"errcode": "<integer>", "errmsg": "<text 9>"}, [], ["0.answer.body.errmsg: recorded"]),
        ({**ANSWERED, "errcode": 40007}, [], ["0.answer.body.errcode: recorded 40007, answered 40059"]),
        ({**ANSWERED, "errcode": 40007}, ["0.answer.body.errcode"], []),
        ({**ANSWERED, "errcode": 40007}, ["0.answer"], []),
        ({**ANSWERED, "errcode": "<text 5>"}, [], ["0.answer.body.errcode: recorded '<text 5>'"]),
        ({"errcode": 40059}, [], ["0.answer.body.errmsg: only answered"]),
        ({**ANSWERED, "msg_id": "<integer>"}, [], ["0.answer.body.msg_id: only recorded"]),
        ({**ANSWERED, "errmsg": "invalid msg_id"}, [], ["0.answer.body.errmsg: recorded"]),
    ],
)
def test_what_differs_is_named_by_its_field(
    answer: dict[str, Any], free: list[str], found: list[str], served: Any
) -> None:
    request = {"method": "POST", "path": "/cgi-bin/message/mass/get", "body": {"msg_id": "1"}}
    exchange = {"request": request, "answer": {"status": 200, "body": answer}}
    recorded = {"account": {"kind": "service"}, "free": free, "exchanges": [exchange]}
    differing = differences(recorded, served)
    assert len(differing) == len(found)
    assert all(one.startswith(start) for one, start in zip(differing, found, strict=True))


def test_items_of_a_list_have_one_of_its_shapes(served: Any) -> None:
    request = {"method": "GET", "path": "/cgi-bin/tags/get"}
    tag = {"id": "<integer>", "name": "<text 2>", "count": "<integer>"}
    shapes: list[tuple[list[Any], int]] = [
        (["<9 items>", tag], 0), (["<9 items>", {"id": 1}, tag], 0), ([], 0),
        (["<9 items>", {**tag, "id": "<text 1>"}], 8),
    ]  # fmt: skip
    for tags, count in shapes:
        exchange = {"request": request, "answer": {"status": 200, "body": {"tags": tags}}}
        recorded = {"account": {"kind": "service"}, "exchanges": [exchange]}
        assert len(differences(recorded, served)) == count
