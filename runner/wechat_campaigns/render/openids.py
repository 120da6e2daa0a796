"""Lists of openids: read from texts and tables, checked without ever repeating one, cut into batches."""

import io
import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, Final

from wechat_campaigns.core.diagnostics import Finding, Level
from wechat_campaigns.core.digest import OpenidList
from wechat_campaigns.core.errors import is_out_of_memory, require_extra
from wechat_campaigns.core.fence import extend
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Batch
from wechat_campaigns.core.redact import redact
from wechat_campaigns.source.files import FileError
from wechat_campaigns.source.text import encoding_of

MIN_BATCH = 2
"""Fewer are refused (40130). Source: 根据OpenID列表群发 (mass/send), read 2026-11."""
MAX_BATCH = 10_000
"""More are refused (40032). Source: 根据OpenID列表群发 (mass/send), read 2026-11."""
USUAL_CHARS = 28
TABLES = (".csv", ".tsv", ".xlsx")
"""How the files end that are tables even without `column`."""

_OPENID = re.compile(r"[A-Za-z0-9_-]{1,64}")
HEADERS = frozenset(("openid", "openids", "open_id"))
"""What a column of openids is called; it would pass for one."""
_SHOWN_POSITIONS = 5


@dataclass(slots=True, kw_only=True)
class ListedOpenids:
    """The openids of a list, and where each stands; a million take 100 MB, so nothing is copied."""

    openids: list[str] = field(default_factory=list)
    numbers: "array[int]" = field(default_factory=lambda: array("I"))
    """The line, row or entry of each, from 1, as an editor or Excel shows it."""
    blank: int = 0
    """Rows of a table that were left out because they have no openid."""
    repeated: int = 0
    """Rows of a table that were left out because their openid came before."""

    def add(self, number: int, openid: str) -> None:
        """Append one."""
        self.openids.append(openid)
        self.numbers.append(number)


def read_openids(text: str) -> ListedOpenids:
    """Read openids, one a line; blank lines and `#` comments are skipped."""
    found = ListedOpenids()
    for number, line in enumerate(text.split("\n"), 1):
        if openid := line.split("#", 1)[0].strip():
            found.add(number, openid)
    return found


def check_openids(listed: ListedOpenids, called: str) -> list[Finding]:
    """Find what is wrong with a list.

    Args:
        called: what a message calls the place of an openid ("line {number}"), which it never repeats.

    Returns:
        At most one fault for each rule; its path is the index of the first entry concerned, or empty.
    """
    openids = listed.openids
    malformed = [
        index
        for index, openid in enumerate(openids)
        if not _OPENID.fullmatch(openid) or openid.lower() in HEADERS
    ]
    odd = [index for index, openid in enumerate(openids) if len(openid) != USUAL_CHARS]
    checks = (
        (
            malformed,
            "openid-malformed",
            _("{positions}: not an openid"),
            _(
                "write one openid per entry, with only letters, digits, `-` and `_`; from a spreadsheet, "
                "name the column: `openids: {file: list.xlsx, column: openid}`"
            ),
        ),
        (
            _repeated(openids),
            "openid-duplicate",
            _("{positions}: the openid is a duplicate"),
            _("remove the duplicate: a follower receives the message once"),
        ),
        (
            [] if malformed else odd,
            "openid-length",
            _("{positions}: the openid does not have the usual {usual} characters"),
            _("compare the list with the followers of this account"),
        ),
    )
    found = [
        _fault(
            indexes,
            [called.format(number=listed.numbers[index]) for index in indexes[:_SHOWN_POSITIONS]],
            *words,
        )
        for indexes, *words in checks
        if indexes
    ]
    if len(openids) < MIN_BATCH:
        what = _("the number of openids is {count}; the minimum is {least}")
        what = what.format(count=len(openids), least=MIN_BATCH)
        hint = _("add openids; to send to one person, use `campaign preview`")
        found.append(Finding("openid-count", what, hint))
    return found


def batches(openids: Sequence[str]) -> list[tuple[Batch, tuple[str, ...]]]:
    """Cut a list of two or more into numbered parts of 2–10,000, all of about the same length."""
    import hashlib  # loads OpenSSL, which most campaigns do without

    digest = hashlib.sha256("\n".join(openids).encode()).hexdigest()
    count = -(-len(openids) // MAX_BATCH)
    edges = [len(openids) * index // count for index in range(count + 1)] if count else []
    whole = OpenidList(tuple(tuple(openids[start:end]) for start, end in pairwise(edges)))
    return [
        (Batch(index=index, count=count, list_sha256=digest, openids=whole), part)
        for index, part in enumerate(whole.parts, 1)
    ]


def _repeated(openids: Sequence[str]) -> list[int]:
    seen: set[str] = set(openids)
    if len(seen) == len(openids):
        return []
    seen.clear()
    repeated = []
    for index, openid in enumerate(openids):
        if openid in seen:
            repeated.append(index)
        seen.add(openid)
    return repeated


def _fault(indexes: list[int], positions: Sequence[str], rule: str, what: str, hint: str) -> Finding:
    shown = _(", ").join(positions)
    more = len(indexes) - _SHOWN_POSITIONS
    if more > 0:
        shown = _("{listed} and {count} more").format(listed=shown, count=more)
    level: Level = "warning" if rule == "openid-length" else "error"
    return Finding(rule, what.format(positions=shown, usual=USUAL_CHARS), hint, (indexes[0],), level)


# --- tables, as Excel saves them ----------------------------------------------------------------
# A message names rows and columns only: no cell is repeated, for any may hold an openid.

MAX_ROWS: Final = 1_048_576
"""As many as a sheet of Excel has."""
MAX_UNPACKED_BYTES: Final = 128 * 1024**2
MAX_PARTS: Final = 1_000
BYTES_A_SECOND: Final = 128 * 1024
"""Bytes of a table for which it gets one more second of a processor. Not those that it claims to unpack to: a
stranger writes millions of equal rows in a few."""
MEMORY_A_BYTE: Final = 32
"""Bytes of memory for each of a table: an openid as Python has it, in a list and in a set."""
LEAST_ROW_POINTS: Final = 5
"""Lower rows are as good as hidden."""
LEAST_COLUMN_CHARS: Final = 1
"""Narrower columns too."""
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_DATA: Final = re.compile(r"[A-Za-z0-9_-]{20}|\d{5}|@")
"""What the name of a column does not contain: a cell with it belongs to a person."""
_SHOWN_COLUMNS: Final = 12
Row = Sequence[str]


def read_table(data: bytes, column: str | None, sheet: str | None = None) -> ListedOpenids:
    """Read the openids of a CSV file (UTF-8, UTF-16 or GBK) or of a sheet of an XLSX file.

    Args:
        column: the name that its first row gives to the column; None for the one called `openid`, or the
            only one.
        sheet: the name of the sheet; None for the first one that Excel shows.

    Raises:
        FileError: it cannot be read, is too large, or does not have the column.
        MissingExtraError: it is an XLSX file and the part that reads them is not installed.
    """
    extend(len(data) // BYTES_A_SECOND, len(data) * MEMORY_A_BYTE)
    sheets: list[str] = []
    is_workbook = data.startswith(_ZIP)
    if sheet and not is_workbook:
        raise _error(_("only an Excel workbook (.xlsx) has sheets"), _("remove `sheet`"))
    rows = _sheet_rows(data, sheet, sheets) if is_workbook else _csv_rows(data)
    numbered = ((number, row) for number, row in enumerate(rows, 1) if any(row))
    first = next(numbered, None)
    if first is None:
        what = _("the sheet is empty") if is_workbook else _("the file is empty")
        raise _error(what, _beside(_("write one openid in each row"), (), sheets))
    index, has_header = _column(first[1], column, sheets)
    found, seen = ListedOpenids(), set[str]()
    for number, row in numbered if has_header else chain([first], numbered):
        openid = row[index] if index < len(row) else ""
        if not openid:
            found.blank += 1
        elif openid in seen:
            found.repeated += 1
        else:
            seen.add(openid)
            found.add(number, openid)
    return found


def _column(header: Row, column: str | None, sheets: Sequence[str]) -> tuple[int, bool]:
    """Find the column by the first row: its index, and whether that row is a header."""
    names = [_folded(name) for name in header]
    wanted = HEADERS if column is None else {_folded(column)}
    found = [index for index, name in enumerate(names) if name in wanted]
    if len(found) > 1:
        what = _("several columns of the table are called `{column}`").format(
            column=redact(column or "openid")
        )
        raise _error(what, _("give each column a name of its own"))
    if found:
        return found[0], True
    if column is not None:
        what = _("the first row of the table has no column `{column}`").format(column=redact(column))
        raise _error(what, _beside(_("write the name as the first row has it"), header, sheets))
    if len([name for name in names if name]) > 1:
        what = _("the table has several columns, and none is called `openid`")
        hint = _("name the column with the openids: `openids: {file: …, column: NAME}`")
        raise _error(what, _beside(hint, header, sheets))
    return next(index for index, name in enumerate(names) if name), False


def _beside(hint: str, header: Row, sheets: Sequence[str]) -> str:
    """Add to a hint what was seen: the columns, unless the first row is of a follower, and the sheets."""
    shown = [redact(name) for name in header if name]
    seen = []
    if shown and not any(_DATA.search(name) for name in header):
        seen.append(_("columns: {names}").format(names=_(", ").join(shown[:_SHOWN_COLUMNS])))
    if len(sheets) > 1:
        names = _(", ").join(sheets[:_SHOWN_COLUMNS])
        seen.append(_("sheets, to choose with `sheet: NAME`: {names}").format(names=names))
    return _("{what} ({detail})").format(what=hint, detail=_("; ").join(seen)) if seen else hint


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


# --- CSV -------------------------------------------------------------------------------------------


def _csv_rows(data: bytes) -> Iterator[Row]:
    import csv  # most campaigns do without

    if data.startswith(_OLD_EXCEL):
        raise _error(
            _("the file is a workbook of an old Excel (.xls), or protected by a password"),
            _("save it again as .xlsx or .csv, without a password"),
        )
    encoding = encoding_of(data)
    if encoding is None:
        raise _error(
            _("the file is neither UTF-8, UTF-16 nor GBK"), _("save it as `CSV UTF-8` or .xlsx in Excel")
        )
    first = next((line for line in _lines(data, encoding) if line.strip("\r\n")), "")
    delimiter = max(",\t;", key=first.count)
    try:
        for row in csv.reader(_lines(data, encoding), delimiter=delimiter, strict=True):
            yield [cell.strip() for cell in row]
    except csv.Error as error:
        raise _error(
            _("the file cannot be read as CSV"), _("save it again as .xlsx or .csv, without a password")
        ) from error


def _lines(data: bytes, encoding: str) -> Iterable[str]:
    return io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")


# --- XLSX ------------------------------------------------------------------------------------------


def _sheet_rows(data: bytes, sheet: str | None, sheets: list[str]) -> Iterator[Row]:
    require_extra("excel", needed_for=_("a list of openids in an Excel file"))
    _refuse_bomb(data)
    try:
        yield from _rows(data, sheet, sheets)
    except FileError:
        raise
    except Exception as error:  # whatever a library raises for a stranger's content
        if is_out_of_memory(error):
            raise
        raise _unreadable() from error


def _refuse_bomb(data: bytes) -> None:
    """Add up what the parts claim to unpack to; zipfile reads none further than it claims."""
    import zipfile  # most campaigns do without

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise _unreadable() from error
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise _too_large()


def _rows(data: bytes, wanted: str | None, sheets: list[str]) -> Iterator[Row]:
    """Yield the rows of a sheet that Excel shows, if it hides none of them and no column.

    Args:
        wanted: the name of the sheet; None for the first one.
        sheets: is filled with the names of those that Excel shows, and which of several has openids.
    """
    import openpyxl  # only a list in Excel's own format needs it

    workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    visible = [one for one in workbook.worksheets if one.sheet_state == "visible"]
    sheets += [_described(one) if len(visible) > 1 else redact(one.title) for one in visible]
    sheet = next((one for one in visible if wanted is None or _folded(one.title) == _folded(wanted)), None)
    if sheet is None:
        message = _("the workbook shows no sheet `{name}`").format(name=redact(str(wanted)))
        raise _error(message, _("use one of: {names}").format(names=_(", ").join(sheets)))
    if _hides_cells(sheet):
        raise _error(
            _("the sheet hides rows or columns"),
            _(
                "end the filter in Excel and show all rows and columns, or delete those that should receive "
                "nothing"
            ),
        )
    sheet.reset_dimensions()  # what a file claims of its size may be wrong
    for number, cells in enumerate(sheet.iter_rows(values_only=True)):
        if number == MAX_ROWS:
            raise _too_large()
        yield _texts(cells)


def _described(sheet: Any) -> str:
    """Return the name of a sheet, and whether its first row has the column with the openids."""
    sheet.reset_dimensions()
    names = map(_folded, _texts(next(sheet.iter_rows(max_row=1, values_only=True), ())))
    name = redact(sheet.title)
    return name if HEADERS.isdisjoint(names) else _("{name} (has a column `openid`)").format(name=name)


def _hides_cells(sheet: Any) -> bool:
    from openpyxl.xml.functions import iterparse

    default = width = None
    with sheet._get_source() as source:
        for _event, element in iterparse(source):
            if element.tag.endswith("}sheetFormatPr"):
                default = "0" if _is_on(element, "zeroHeight") else element.get("defaultRowHeight")
                width = element.get("defaultColWidth")
                if not _shows(width, LEAST_COLUMN_CHARS):
                    return True
            elif element.tag.endswith("}col"):
                if _is_on(element, "hidden") or not _shows(element.get("width", width), LEAST_COLUMN_CHARS):
                    return True
            elif element.tag.endswith("}row"):
                height = element.get("ht", default)
                if len(element) and (_is_on(element, "hidden") or not _shows(height, LEAST_ROW_POINTS)):
                    return True
                element.clear()
    return False


def _is_on(element: Any, name: str) -> bool:
    return element.get(name, "").strip() in ("1", "true")


def _shows(size: str | None, least: int) -> bool:
    """Return whether a row or column of this height or width is seen; None is Excel's own."""
    try:
        return size is None or float(size) >= least
    except ValueError:
        return False


def _texts(cells: Iterable[object]) -> Row:
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _unreadable() -> FileError:
    return _error(
        _("the file is not an Excel workbook (.xlsx), or it is damaged"),
        _("save it again as .xlsx or .csv, without a password"),
    )


def _too_large() -> FileError:
    return _error(_("the workbook is too large"), _("keep only the openid column, or save it as .csv"))


def _error(message: str, hint: str) -> FileError:
    return FileError("openid-table", message, hint)
