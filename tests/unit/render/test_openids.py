"""Lists of openids: every openid in exactly one batch, every fault found, no openid repeated to anyone."""

import hashlib
import io
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core import errors
from wechat_campaigns.core.errors import MissingExtraError
from wechat_campaigns.render import openids
from wechat_campaigns.render.openids import (
    MAX_BATCH,
    MIN_BATCH,
    ListedOpenids,
    batches,
    check_openids,
    read_openids,
    read_table,
)
from wechat_campaigns.source.files import FileError


def make_openids(count: int) -> list[str]:
    return [f"o{number:027}" for number in range(count)]


def listed(openids: Iterable[str]) -> ListedOpenids:
    found = ListedOpenids()
    for number, openid in enumerate(openids, 1):
        found.add(number, openid)
    return found


def numbered(found: ListedOpenids) -> list[tuple[int, str]]:
    return list(zip(found.numbers, found.openids, strict=True))


@given(st.integers(min_value=2, max_value=65_000))
def test_every_openid_is_in_exactly_one_batch(count):
    openids = make_openids(count)
    parts = batches(openids)
    assert [openid for _, part in parts for openid in part] == openids
    assert all(MIN_BATCH <= len(part) <= MAX_BATCH for _, part in parts)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(2, [2]), (10_000, [10_000]), (10_001, [5_000, 5_001]), (20_001, [6_667, 6_667, 6_667])],
)
def test_batches_are_balanced(count, sizes):
    assert [len(part) for _, part in batches(make_openids(count))] == sizes


def test_batches_of_a_list_share_its_digest():
    openids = make_openids(10_001)
    digest = hashlib.sha256("\n".join(openids).encode()).hexdigest()
    assert [(batch.index, batch.count, batch.list_sha256) for batch, _ in batches(openids)] == [
        (1, 2, digest),
        (2, 2, digest),
    ]


def test_lines_are_numbered_as_in_the_file():
    found = read_openids("# 名单\n\n oA \noB # 店长\n")
    assert numbered(found) == [(3, "oA"), (4, "oB")]


def test_many_faults_of_one_kind_are_one_message():
    openids = make_openids(300) * 2
    (fault,) = check_openids(listed(openids), "line {number}")
    assert (fault.rule, fault.path) == ("openid-duplicate", (300,))
    assert fault.message.startswith("line 301, line 302, line 303, line 304, line 305 and 295 more")


@given(st.lists(st.text(alphabet="o_中 1-", min_size=8, max_size=40), max_size=8))
def test_no_message_repeats_an_openid(openids):
    faults = check_openids(listed(openids), "line {number}")
    said = " ".join(fault.message + fault.hint for fault in faults)
    assert not any(openid in said for openid in openids if openid.strip())


@pytest.mark.parametrize("first", ["openid", "OpenID", "open_id", "openid,昵称", '"openid"'])
def test_spreadsheet_header_is_not_an_openid(first):
    """A column exported with its name would count as one recipient more; the hint tells what to keep."""
    (fault,) = check_openids(listed([first, *make_openids(2)]), "line {number}")
    assert (fault.rule, fault.path) == ("openid-malformed", (0,))
    assert "spreadsheet" in fault.hint


# --- tables, as Excel saves them ----------------------------------------------------------------


ONE, TWO = make_openids(2)
ROWS = [["姓名", "OpenID"], ["王，小", ONE], ["", ""], ["李\n四", TWO], ["张三", " "], ["王五", ONE]]


def csv_text(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    return "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)


def workbook(rows: Iterable[Sequence[object]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append([cell or None for cell in row])
    book.save(out)
    return out.getvalue()


TABLES: dict[str, Callable[[], bytes]] = {
    "utf-8": lambda: csv_text(ROWS).encode(),
    "utf-8 with a mark": lambda: csv_text(ROWS).encode("utf-8-sig"),
    "gbk": lambda: csv_text(ROWS).encode("gbk"),
    "utf-16, tabs": lambda: csv_text(ROWS, "\t").encode("utf-16"),
    "semicolons": lambda: csv_text(ROWS, ";").encode(),
    "xlsx": lambda: workbook(ROWS),
}
"""Each is made by the test that reads it: every worker reads this module."""


@pytest.mark.parametrize("column", [None, "openid", " ＯｐｅｎＩＤ"])
@pytest.mark.parametrize("name", TABLES)
def test_every_table_of_excel_gives_the_same_list(name: str, column: str | None) -> None:
    found = read_table(TABLES[name](), column)
    assert numbered(found) == [(2, ONE), (4, TWO)]
    assert (found.blank, found.repeated) == (1, 1)


def read_and_cut(table: bytes) -> None:
    found = read_table(table, None)
    assert not check_openids(found, "row {number}")
    assert batches(found.openids)


@pytest.mark.parametrize("write", [lambda rows: csv_text(rows).encode(), workbook], ids=["csv", "xlsx"])
def test_memory_grows_with_the_openids_and_no_faster(
    write: Callable[[Iterable[Sequence[str]]], bytes],
) -> None:
    peaks = []
    for count in (100, 2_000, 8_000):  # the first is for what is made once
        table = write([[openid] for openid in make_openids(count)])
        tracemalloc.start()
        read_and_cut(table)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 4.4 * peaks[1]
    assert peaks[2] < 400 * 8_000


def test_hidden_sheet_is_not_the_first() -> None:
    book, out = openpyxl.load_workbook(io.BytesIO(workbook([[TWO]]))), io.BytesIO()
    book.active.sheet_state = "hidden"
    book.create_sheet("shown").append([ONE])
    book.save(out)
    assert numbered(read_table(out.getvalue(), None)) == [(1, ONE)]


@pytest.mark.parametrize(
    ("place", "hidden"),
    [
        ("row", {"hidden": True}),
        ("row", {"height": 0.5}),
        ("column", {"hidden": True}),
        ("column", {"width": 0.1}),
        ("sheet", {"zeroHeight": True}),
        ("sheet", {"defaultRowHeight": 0}),
        ("sheet", {"defaultColWidth": 0}),
    ],
)
def test_hidden_rows_and_columns_are_refused(place: str, hidden: dict[str, Any]) -> None:
    """A filter of Excel hides rows and keeps them: nobody would expect these to receive the message."""
    book, out = (
        openpyxl.load_workbook(io.BytesIO(workbook([["openid", "x"], [ONE, "a"], [TWO, "b"]]))),
        io.BytesIO(),
    )
    sheet = book.active
    dimensions = {"row": sheet.row_dimensions[3], "column": sheet.column_dimensions["A"]}
    for name, value in hidden.items():
        setattr(dimensions.get(place, sheet.sheet_format), name, value)
    book.save(out)
    with pytest.raises(FileError, match="hides rows or columns") as caught:
        read_table(out.getvalue(), None)
    assert "filter" in caught.value.hint


@pytest.mark.parametrize(("second", "column"), [("openid", None), ("Open_ID", "open_id")])
def test_two_columns_of_one_name_are_refused(second: str, column: str | None) -> None:
    with pytest.raises(FileError, match="several columns"):
        read_table(csv_text([["open_id", second], [ONE, TWO]]).encode(), column)


def test_one_column_needs_no_header() -> None:
    for data in (f"{ONE}\n{TWO}".encode(), workbook([[ONE], [TWO]])):
        assert numbered(read_table(data, None)) == [(1, ONE), (2, TWO)]


def zip_of(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def with_sheet(xml: str) -> bytes:
    """A workbook whose first sheet is something else."""
    parts = {}
    with zipfile.ZipFile(io.BytesIO(workbook([[ONE], [TWO]]))) as archive:
        for name in archive.namelist():
            parts[name] = xml.encode() if "sheet1" in name and "rels" not in name else archive.read(name)
    return zip_of(parts)


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {two} "{f"&{one};" * 10}">' for one, two in zip("abcdefgh", "bcdefghi", strict=True))
    + ']><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
    '<c r="A1" t="inlineStr"><is><t>&i;</t></is></c></row></sheetData></worksheet>'
)
REFUSED: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "empty": (b"", "empty"),
    "blank": (b"\r\n , \r\n", "empty"),
    "old excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
    "binary": (b"\x89PNG\xff\xfe\x00\x01" + bytes(range(128, 256)), "neither UTF-8"),
    "two columns": (f"王,{ONE}\n李,{TWO}".encode(), "several columns"),
    "not a workbook": (b"PK\x03\x04nothing", "not an Excel workbook"),
    "another archive": (lambda: zip_of({"a.txt": b"a"}), "not an Excel workbook"),
    "entities": (lambda: with_sheet(LAUGHS), "not an Excel workbook"),
    "bomb": (lambda: zip_of({"xl/sharedStrings.xml": bytes(130 * 1024**2)}), "too large"),
    "many parts": (lambda: zip_of({str(number): b"" for number in range(1001)}), "too large"),
    "many rows": (lambda: workbook(ROWS), "too large"),
    "quotes": (f'"{ONE}\n{TWO}'.encode(), "cannot be read as CSV"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_table_is_refused_in_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, words = REFUSED[name]
    if name == "many rows":
        monkeypatch.setattr(openids, "MAX_ROWS", 1)
    with pytest.raises(FileError, match=words) as caught:
        read_table(data() if callable(data) else data, None)
    assert caught.value.hint
    assert ONE not in caught.value.message + caught.value.hint


def test_missing_column_is_named_and_no_cell_is(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no column `会员`") as caught:
        read_table(f"{ONE}\n{TWO}".encode(), "会员")
    assert ONE not in caught.value.message + caught.value.hint
    with pytest.raises(FileError) as caught:
        read_table(b"openid\n", ONE)
    assert ONE not in caught.value.message


def test_a_workbook_needs_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "is_extra_installed", lambda _extra: False)
    with pytest.raises(MissingExtraError) as caught:
        read_table(TABLES["xlsx"](), None)
    assert "excel" in caught.value.hint
    assert read_table(TABLES["gbk"](), None).openids


def sheets(**rows: Iterable[Sequence[object]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, cells in rows.items():
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append(row)
    book.save(out)
    return out.getvalue()


def test_a_sheet_is_chosen_by_its_name() -> None:
    data = sheets(说明=[["怎么用"]], 名单=[["openid"], [ONE], [TWO]])
    assert read_table(data, None, "名单 ").openids == [ONE, TWO]
    for sheet in ("名册", None):
        with pytest.raises(FileError) as refused:
            read_table(data, "openid", sheet)
        assert "说明" in refused.value.hint
        assert "名单 (has a column `openid`)" in refused.value.hint
    with pytest.raises(FileError):
        read_table(ONE.encode(), None, "名单")


def test_an_empty_sheet_is_not_an_empty_file() -> None:
    said = []
    for data, sheet in ((sheets(名单=[[ONE]], 空=[]), "空"), (b"", None)):
        with pytest.raises(FileError) as refused:
            read_table(data, None, sheet)
        said.append(refused.value.message)
    assert said == ["the sheet is empty", "the file is empty"]


def test_a_hint_lists_the_columns_but_no_row_of_a_follower() -> None:
    for header, is_listed in (
        (["姓名", "会员 ID"], True),
        (["王小明", "13800001111"], False),
        (["x", ONE], False),
    ):
        with pytest.raises(FileError) as refused:
            read_table(sheets(名单=[header, ["王", ONE]]), "openid")
        assert (header[0] in refused.value.hint) is is_listed
