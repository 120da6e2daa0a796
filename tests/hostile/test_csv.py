"""No cell of the report for spreadsheets is a formula, whatever a send is called or WeChat told."""

import csv
import io
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, history_of, intent_of, make_send, make_state, named
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.history import HEADINGS, history_csv
from wechat_campaigns.report.spreadsheet import BOM

SIGNS = "=+-@＝＋－﹣−＠"
STARTS = ["", " ", "\t", "\r", "\n", "\u3000", "\u00a0", "\u200b", "\ufeff", "\x00", "a;", "a,", "a\t",
          "a|", "a；", "a，", "a; ", "a;;", '"', '";', '",', "a b ", "';", "“"]  # fmt: skip


def written(name: str, note: str = "") -> str:
    send = make_send(name)
    at = NOW - timedelta(hours=1)
    actor = {"commit": note or "c" * 40}
    intent = intent_of(send, at=at, account="main", actor=actor, audience={"count": 90})
    state = make_state((EventKind.INTENT, intent), (EventKind.ACCEPTED, named(send, msg_id=7)))
    text = history_csv(history_of(state))
    assert text.startswith(BOM)
    return text.removeprefix(BOM)


def formulas(text: str) -> list[str]:
    found = []
    for separator in ",;\t|":
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            found += [cell for cell in row if cell.strip(' \t\r\n\u3000\u00a0"').startswith(tuple(SIGNS))]
    return found


@pytest.mark.parametrize("start", STARTS, ids=ascii)
def test_a_cell_is_no_formula(start: str) -> None:
    for sign in SIGNS:
        cell = f"{start}{sign}HYPERLINK(A1)"
        text = written(cell, cell)
        assert formulas(text) == [], ascii(cell)
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == list(HEADINGS)
        assert len(rows) == 2
        assert "HYPERLINK(A1)" in rows[1][HEADINGS.index("Send")]


@given(st.text("=+-@;,\t\r\n \"'|＝＠ab", min_size=1, max_size=12))
def test_no_text_is_a_formula(text: str) -> None:
    assert formulas(written(text, text)) == []


def test_every_field_is_quoted_and_numbers_stay() -> None:
    """So that a separator inside is no separator; an ordinary row is as it was."""
    text = written("11月/会员日[beijing]")
    for row in text.splitlines():
        assert all(field.startswith('"') and field.endswith('"') for field in row.split(","))
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["Send"], row["Addressed"], row["msg_id"]) == ("11月/会员日[beijing]", "90", "7")
    assert row["Time"].startswith("20")
    assert "'" not in text
    assert '"a - b = c"' in written("a - b = c")
