"""Write docs/reference/ from what the program itself uses: commands, schemas, errcodes, messages.

It also fills the tables of errcodes in docs/troubleshooting.md, in both languages, and writes
schema/sandbox.openapi.json. Run
`python -m tests.tools.make_reference`; `tests/docs/test_reference.py` fails when a page is not current.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import click
import yaml
from babel.messages import Catalog

from tests.support.source import PACKAGE, ROOT
from tests.tools import make_parts, variables
from tests.tools.make_catalog import catalogs, read
from tests.tools.make_man import man_page
from tests.tools.messages import messages
from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.reference import reference_data
from wechat_campaigns.core.i18n import Language, set_language
from wechat_campaigns.source.schemas.store import SchemaName, localized_schema_text
from wechat_sandbox.openapi import document

FOLDER = ROOT / "docs" / "reference"
OPENAPI = ROOT / "schema" / "sandbox.openapi.json"
NOTE = "<!-- Written by `python -m tests.tools.make_reference`; do not edit. -->"
HELP_WIDTH = 100
TROUBLESHOOTING = {
    "troubleshooting.md": (("errcode", "meaning", "what to do"), ("status", "meaning", "what to do")),
    "troubleshooting.zh-CN.md": (("错误码", "含义", "怎么办"), ("状态", "含义", "怎么办")),
}
"""Pages that hold tables of errcodes and of event statuses, with the heads of both."""
COMMON = (
    -1, 40001, 40003, 40007, 40013, 40125, 40130, 40132, 40152, 40164, 40243, 42010, 45003, 45004, 45009,
    45011, 45028, 45065, 45066, 45113, 45166, 48001, 48003, 48004, 48008, 48021, 48022, 50002, 87014, 88000,
    89501, 89503, 89504, 89505, 89506, 89507,
)  # fmt: skip
"""Errcodes that people who send mass messages meet; docs/reference/errcodes.md has all."""
TYPES_HEAD: dict[Language, tuple[str, ...]] = {
    "en": ("key", "type", "meaning"),
    "zh": ("字段", "写什么", "含义"),
}
TYPES: dict[Language, dict[str, str]] = {
    "en": {
        **{name: name for name in ("string", "integer", "number", "boolean", "object", "array", "null")},
        "required": " (required)", "not allowed": "not allowed", "of": "of {type}", ", ": ", ", " ": " ",
    },
    "zh": {
        "string": "文字", "integer": "整数", "number": "数字", "boolean": "true 或 false", "object": "映射",
        "array": "列表", "null": "null",
        "required": "（必填）", "not allowed": "不能写", "of": "每项：{type}", ", ": "、", " ": "，",
    },
}  # fmt: skip
"""The words for the types of a schema."""
ERRCODES: dict[Language, tuple[str, tuple[str, ...]]] = {
    "en": (
        "What the platform's `errcode` means here. *confidence*: high is a page of the vendor or several "
        "lists that agree, medium one list, low a meaning that is not confirmed.",
        ("errcode", "name", "class", "meaning", "what to do", "confidence"),
    ),
    "zh": (
        "微信返回的 `errcode` 是什么意思、怎么办。可信度：high 是微信官方页面写明的，或者几份列表一致；"
        "medium 只有一份列表；low 的含义没有得到证实。",
        ("错误码", "名称", "类别", "含义", "怎么办", "可信度"),
    ),
}
"""The lead and the head of the table of errcodes."""


def main() -> None:
    make_parts.main()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")
    for name in TROUBLESHOOTING:
        (FOLDER.parent / name).write_text(troubleshooting(name), encoding="utf-8")
        print(f"docs/{name}")
    OPENAPI.write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print("schema/sandbox.openapi.json")


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "commands.md": _page("Commands", "\n\n".join(_commands(campaign, "campaign"))),
        "campaign.md": _page("Campaign files", _schema("campaign"), "[中文](campaign.zh-CN.md)"),
        "settings.md": _page("Settings: `_settings.yaml`", _schema("settings"), "[中文](settings.zh-CN.md)"),
        "campaign.1": man_page(reference_data(), _all_variables()),
        "environment.md": _page("Variables of the environment", _environment()),
        "log.md": _page("Logs: `CAMPAIGN_LOG` and `--log-file`", _schema("log")),
        "plan.md": _page("Plan files and `plan --format json`", _schema("plan")),
        "errcodes.md": _page("Errcodes", _errcodes(), "[中文](errcodes.zh-CN.md)"),
        "messages.md": _page("Messages", _messages()),
        "campaign.zh-CN.md": _page("群发文件", _schema("campaign", "zh"), "[English](campaign.md)"),
        "settings.zh-CN.md": _page(
            "设置：`_settings.yaml`", _schema("settings", "zh"), "[English](settings.md)"
        ),
        "errcodes.zh-CN.md": _page("微信的错误码", _errcodes("zh"), "[English](errcodes.md)"),
    }


def troubleshooting(name: str) -> str:
    """A page of docs/ with its tables filled, in the language of the page."""
    words = _chinese() if ".zh-CN" in name else {}
    table = _errcode_table()
    entries = (
        {str(code): table["codes"][code] for code in COMMON},
        {status: one for status, one in table["mass_event_status"].items() if one["class"] != "ok"},
    )
    text = (FOLDER.parent / name).read_text(encoding="utf-8")
    for mark, head, rows in zip(("errcodes", "statuses"), TROUBLESHOOTING[name], entries, strict=True):
        filled = _table(
            head,
            [
                (f"`{code}`", *(words.get(one[k], one[k]) for k in ("meaning", "hint")))
                for code, one in rows.items()
            ],
        )
        begin, _, rest = text.partition(f"<!-- {mark}: written by make_reference -->")
        end = rest.partition("<!-- end -->")[2]
        text = f"{begin}<!-- {mark}: written by make_reference -->\n\n{filled}\n\n<!-- end -->{end}"
    return text


@cache
def _errcode_table() -> Any:
    return yaml.safe_load((PACKAGE / "core" / "errcodes.yaml").read_text(encoding="utf-8"))


@cache
def _chinese() -> dict[str, str]:
    return dict(_pairs(read(next(path for path in catalogs() if "zh" in path.parts))))


def _page(title: str, body: str, other_language: str = "") -> str:
    return "\n\n".join(filter(None, (NOTE, f"# {title}", other_language, body))) + "\n"


# --- commands -------------------------------------------------------------------------------------


def _commands(command: click.Command, path: str) -> Iterator[str]:
    context = command.context_class(
        command, info_name=path, terminal_width=HELP_WIDTH, max_content_width=HELP_WIDTH
    )
    yield f"## {path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _commands(below, f"{path} {name}")


# --- variables ------------------------------------------------------------------------------------


def _environment() -> str:
    """Every variable that is read, by what it is for."""
    head = ("variable", "meaning")
    sections = (
        ("Options", "Each stands for an option; an option on the command line wins.", _of_options()),
        ("This tool", "", variables.OWN),
        (
            "Network",
            "Only the environment of the process sets these: no file of the checkout does. git and "
            "PostgreSQL ledgers read the variables of git and of libpq, too.",
            variables.NETWORK,
        ),
        ("Language and colours", "", variables.SHOWING),
        (
            "Coding agents",
            "Where one of these is set, a coding agent runs the command. Outside the sandbox, it is then "
            "refused what reaches real followers or changes what may be sent.",
            variables.OF_AGENTS,
        ),
    )
    parts = [
        "The command reads these variables, and in CI those of "
        "[GitHub, GitLab and Jenkins](../pull-requests.md). "
        "Variables that hold an AppSecret or a template's values are named by you, in `_settings.yaml` and "
        "on the command line."
    ]
    for title, text, rows in sections:
        table = _table(head, [(f"`{name}`".replace(", ", "`, `"), meaning) for name, meaning in rows.items()])
        parts += [f"## {title}", text, table]
    return "\n\n".join(filter(None, parts))


def _of_options() -> dict[str, str]:
    options = [option for command in reference_data()["commands"] for option in command["options"]]
    found = {
        str(option["variable"]): f"`{option['names'][0]}`: {option['help']}"
        for option in (*options, *_own_options())
        if option["variable"]
    }
    found["CAMPAIGN_VAR"] += " One `NAME=VALUE` a line."
    return found


def _own_options() -> list[dict[str, Any]]:
    options = [param for param in campaign.params if isinstance(param, click.Option) and param.envvar]
    return [{"variable": one.envvar, "names": one.opts, "help": one.help} for one in options]


def _all_variables() -> list[tuple[str, str]]:
    rows = (_of_options(), variables.OWN, variables.NETWORK, variables.SHOWING)
    return [(name, re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text)) for part in rows for name, text in part.items()]


# --- schemas --------------------------------------------------------------------------------------


def _schema(name: SchemaName, language: Language = "en") -> str:
    set_language(language)
    try:
        whole = json.loads(localized_schema_text(name))
    finally:
        set_language("en")
    parts = [str(whole["description"]), *_keys(whole, language)]
    for word, part in whole.get("definitions", {}).items():
        parts += [f"## {word}", str(part.get("description", "")), *_keys(part, language)]
    return "\n\n".join(filter(None, parts))


def _keys(part: Mapping[str, Any], language: Language) -> Iterator[str]:
    """A table of the keys of an object, also where it is one of several shapes."""
    words, head = TYPES[language], TYPES_HEAD[language]
    for shape in (part, *part.get("oneOf", ()), *part.get("anyOf", ())):
        required = shape.get("required", ())
        rows = [
            (f"`{key}`{words['required'] if key in required else ''}", _type(value, words), _told(value))
            for key, value in shape.get("properties", {}).items()
        ]
        if rows:
            yield _table(head, rows)


def _type(value: Any, words: Mapping[str, str]) -> str:
    if not isinstance(value, dict):
        return words["not allowed"] if value is False else ""
    refs = [value, *value.get("allOf", ()), *value.get("oneOf", ()), *value.get("anyOf", ())]
    names = [
        f"[{ref['$ref'].rpartition('/')[2]}](#{ref['$ref'].rpartition('/')[2]})"
        for ref in refs
        if "$ref" in ref
    ]
    kinds = value.get("type", [])
    # A list, or a string that stands for one, reads as the list.
    names += [words[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds[:1])]
    if "enum" in value:
        names.append(words[", "].join(f"`{one}`" for one in value["enum"]))
    if "items" in value and isinstance(value["items"], dict):
        names.append(words["of"].format(type=_type(value["items"], words)))
    return words[" "].join(names)


def _told(value: Any) -> str:
    return str(value.get("description", "")) if isinstance(value, dict) else ""


# --- errcodes -------------------------------------------------------------------------------------


def _errcodes(language: Language = "en") -> str:
    words = _chinese() if language == "zh" else {}
    table = _errcode_table()
    rows = [
        (
            str(code), f"`{one['name']}`", one["class"],
            *(words.get(one[key], one[key]) for key in ("meaning", "hint")), one["confidence"],
        )
        for code, one in sorted(table["codes"].items())
    ]  # fmt: skip
    intro, head = ERRCODES[language]
    return f"{intro}\n\n{_table(head, rows)}"


# --- messages -------------------------------------------------------------------------------------


def _messages() -> str:
    """Every message that is written with its hint beside it, by the module that says it."""
    parts = [
        "What this program says when something is wrong, and what it advises, in English and in Chinese; "
        "`{…}` is filled in, ` / ` stands between variants. The words for shapes that the schema refuses are "
        "made by `runner/wechat_campaigns/source/schemas/schema_messages.py` from the schema itself."
    ]
    for path, rows in messages(_chinese()):
        head = ("kind", "what", "hint", "问题", "改法")
        parts += [f"## {path.relative_to(ROOT)}", _table(head, rows)]
    return "\n\n".join(parts)


def _pairs(catalog: Catalog) -> Iterator[tuple[str, str]]:
    for message in catalog:
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        told = message.string if isinstance(message.string, str) else message.string[0]
        yield from ((text, told) for text in ids if text)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    main()
