"""Return what an errcode or a status word of WeChat means and what to do: a table, read once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import yaml

from wechat_campaigns.core.i18n import N_

ErrcodeClass = Literal["retry", "token", "quota", "permission", "input", "duplicate", "fatal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errcode:
    """One errcode; `errcode_class` is the table's `class`, `wait_s` how long a repeat should wait.

    Meanings and hints are English here; they are translated where they are shown.
    """

    code: int
    name: str
    errcode_class: ErrcodeClass
    meaning: str
    hint: str
    source: str
    confidence: Literal["high", "medium", "low"]
    errmsg: str = ""
    """WeChat's own text; empty where it is not known."""
    wait_s: int | None = None
    hint_for_ip: str = ""
    """Used in place of the hint when WeChat named the address, as `{ip}`."""
    is_documented: bool = True


def texts() -> Iterator[str]:
    """Yield every text of the table that reaches a reader, for the catalog of translations."""
    table = _table()
    tables = (table["codes"], table["mass_event_status"], *table["by_endpoint"].values())
    for entry in (entry for entries in tables for entry in entries.values()):
        yield from (entry[key] for key in ("meaning", "hint", "hint_for_ip") if key in entry)


def lookup(errcode: int, endpoint: str = "") -> Errcode:
    """Find what an errcode means.

    Args:
        errcode: WeChat's number; 0 is not an error and not in the table.
        endpoint: the path that answered (`/cgi-bin/message/mass/send`), where the meaning may be narrower.

    Returns:
        The entry; for a number the table does not have, one of kind `fatal` with `is_documented` false.
    """
    general = codes().get(errcode)
    if general is None:
        return _unknown(errcode)
    special = _table()["by_endpoint"].get(endpoint, {}).get(errcode)
    return replace(general, **_fields(special)) if special else general


@cache
def codes() -> Mapping[int, Errcode]:
    """Return the whole table, by number."""
    table = _table()
    sources = table["sources"]
    return {
        code: Errcode(code=code, **_fields(entry) | {"source": sources[entry["source"]]})
        for code, entry in table["codes"].items()
    }


def mass_event_status(status: str) -> tuple[str, str] | None:
    """Return what the Status of a MASSSENDJOBFINISH event means and what to do, in English; None if unlisted.

    Source: Callback_on_finish (2026-11).
    """
    entry = _table()["mass_event_status"].get(status)
    return (entry["meaning"], entry["hint"]) if entry is not None else None


def _fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """`class` is a word of Python, so the records call it `errcode_class`."""
    return {("errcode_class" if key == "class" else key): value for key, value in entry.items()}


def _unknown(errcode: int) -> Errcode:
    return Errcode(
        code=errcode,
        name="unknown",
        errcode_class="fatal",
        meaning=N_("WeChat returned an errcode that this tool does not list"),
        hint=N_("look up the number in WeChat's list of return codes, and the rid within seven days"),
        source="",
        confidence="low",
        is_documented=False,
    )


@cache
def _table() -> dict[str, Any]:
    from importlib import resources  # a run without an errcode does without

    text = resources.files("wechat_campaigns.core").joinpath("errcodes.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)  # a safe loader, only in C
    return table
