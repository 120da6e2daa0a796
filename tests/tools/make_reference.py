"""Write docs/reference/ from what the program itself uses: commands, schemas, errcodes, variables.

It also fills the table of statuses in docs/troubleshooting.md, in both languages. Run
`python -m tests.tools.make_reference`; `tests/docs/test_reference.py` fails when a page is not current.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import click
import yaml
from babel.messages import Catalog

from tests.support.source import PACKAGE, ROOT
from tests.tools import make_parts, make_schema, variables
from tests.tools.make_catalog import catalogs, read
from tests.tools.make_man import man_page
from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.reference import every_command, reference_data
from wechat_campaigns.cli.registry import AGENTS
from wechat_campaigns.core.i18n import Language, set_language
from wechat_campaigns.plan.policy import RULES
from wechat_campaigns.source.schema import SchemaName, localized_schema_text

FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `python -m tests.tools.make_reference`; do not edit. -->"
TROUBLESHOOTING = {
    "troubleshooting.md": ("status", "meaning", "what to do"),
    "troubleshooting.zh-CN.md": ("状态", "含义", "怎么办"),
}
"""Pages that hold the table of event statuses, with its head."""
SHARED = {"--dir", "--env", "--var", "--format", "--report", "--quiet", "--help"}
"""Options of most commands, which the page lists once."""
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
RULES_ELSEWHERE: dict[Language, str] = {
    "en": " [Set policy rules](../policy.md) lists the rules; these are the other keys.",
    "zh": "各条规则见[设置规则](../policy.zh-CN.md)，下面是其余字段。",
}
"""Where the rules of a policy are."""
ERRCODES: dict[Language, tuple[str, tuple[str, ...]]] = {
    "en": (
        "What WeChat's `errcode` means. *confidence*: high is a page of the vendor or several "
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
    make_schema.main()
    make_parts.main()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")
    for name in TROUBLESHOOTING:
        (FOLDER.parent / name).write_text(troubleshooting(name), encoding="utf-8")
        print(f"docs/{name}")


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "commands.md": _page("Commands", "\n\n".join(_commands())),
        "campaign.md": _page("Campaign files", _schema("campaign"), "[中文](campaign.zh-CN.md)"),
        "settings.md": _page("Settings: `_settings.yaml`", _schema("settings"), "[中文](settings.zh-CN.md)"),
        "campaign.1": man_page(reference_data(campaign), _all_variables()),
        "programs.md": _page("Variables, plan files", _programs()),
        "errcodes.md": _page("Errcodes", _errcodes(), "[中文](errcodes.zh-CN.md)"),
        "campaign.zh-CN.md": _page("群发文件", _schema("campaign", "zh"), "[English](campaign.md)"),
        "settings.zh-CN.md": _page(
            "设置：`_settings.yaml`", _schema("settings", "zh"), "[English](settings.md)"
        ),
        "errcodes.zh-CN.md": _page("微信的错误码", _errcodes("zh"), "[English](errcodes.md)"),
    }


def troubleshooting(name: str) -> str:
    """The page with its table filled, in the language of the page."""
    words = _chinese() if ".zh-CN" in name else {}
    statuses = _errcode_table()["mass_event_status"]
    rows = [
        (f"`{status}`", *(words.get(one[key], one[key]) for key in ("meaning", "hint")))
        for status, one in statuses.items()
        if one["class"] != "ok"
    ]
    text = (FOLDER.parent / name).read_text(encoding="utf-8")
    begin, mark, rest = text.partition("<!-- statuses: written by make_reference -->")
    end = rest[rest.index("<!-- end -->") :]
    return f"{begin}{mark}\n\n{_table(TROUBLESHOOTING[name], rows)}\n\n{end}"


@cache
def _errcode_table() -> Any:
    return yaml.safe_load((PACKAGE / "core" / "errcodes.yaml").read_text(encoding="utf-8"))


@cache
def _chinese() -> dict[str, str]:
    return dict(_pairs(read(next(path for path in catalogs() if "zh" in path.parts))))


def _page(title: str, body: str, other_language: str = "") -> str:
    return "\n\n".join(filter(None, (NOTE, f"# {title}", other_language, body))) + "\n"


# --- commands -------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    """The options that most commands share, once; then each command with its own."""
    yield (
        "`campaign COMMAND --help` prints the same, in your language. Without a command, `campaign` plans. "
        "Most commands take these options; [exit codes](../troubleshooting.md#by-exit-code) are the same for "
        "all."
    )
    commands = dict(every_command(campaign))
    shared = [one for one in commands["campaign preview"].params if SHARED.intersection(one.opts)]
    yield _options([*campaign.params, *shared])
    data = {one["command"]: one for one in reference_data(campaign)["commands"]}
    for path, command in commands.items():
        words = " ".join((path, *(argument["name"] for argument in data[path]["arguments"])))
        yield f"## {path}"
        yield f"`{words}`: {data[path]['help']}"
        if tuple(data[path]["formats"]) not in ((), ("text", "json")):
            yield f"Formats: {', '.join(data[path]['formats'])}."
        yield _options(one for one in command.params if not SHARED.intersection(one.opts))
        yield "\n".join(f"- `{line}`: {meaning}" for line, meaning in data[path]["examples"].items())


def _options(params: Iterable[click.Parameter]) -> str:
    context = campaign.context_class(campaign, info_name="campaign")
    options = [one for one in params if isinstance(one, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(context)) is not None]
    return _table(("option", "meaning"), [(f"`{names}`", text) for names, text in rows]) if rows else ""


# --- variables ------------------------------------------------------------------------------------


def _programs() -> str:
    """What programs read and write: every variable, by what it is for, the plan file."""
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
    )
    parts = [
        "## Variables\n\nThe command reads these variables, and in CI those of "
        "[GitHub, GitLab and Jenkins](../pull-requests.md). "
        "Variables that hold an AppSecret or a template's values are named by you, in `_settings.yaml` and "
        "on the command line."
    ]
    for title, text, rows in sections:
        table = _table(head, [(f"`{name}`".replace(", ", "`, `"), meaning) for name, meaning in rows.items()])
        parts += [f"### {title}", text, table]
    parts.append(
        "### Coding agents\n\nWhere one of these is set, a coding agent runs the command. Outside the "
        "sandbox, it is then refused what reaches real followers or changes what may be sent: "
        f"{', '.join(f'`{name}`' for name in AGENTS)}."
    )
    parts += ["## Plan files", _schema("plan", level=3)]
    return "\n\n".join(filter(None, parts))


def _of_options() -> dict[str, str]:
    options = [option for command in reference_data(campaign)["commands"] for option in command["options"]]
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


def _schema(name: SchemaName, language: Language = "en", level: int = 2) -> str:
    """A table of the keys of the schema, and one of each definition that has keys or a description."""
    set_language(language)
    try:
        whole = json.loads(localized_schema_text(name))
    finally:
        set_language("en")
    if policy := whole["definitions"].get("policy"):  # docs/policy.md has the table of rules
        policy["description"] += RULES_ELSEWHERE[language]
        policy["properties"] = {key: one for key, one in policy["properties"].items() if key not in RULES}
        whole["definitions"]["account_policy"]["properties"] = {}
    parts = [str(whole["description"]), *_keys(whole, language)]
    unexplained = []
    for word, part in whole.get("definitions", {}).items():
        explained = [str(part.get("description", "")), *_keys(part, language)]
        if any(explained):
            parts += [f"{'#' * level} {word}", *explained]
        else:
            unexplained.append(word)
    text = "\n\n".join(filter(None, parts))
    for word in unexplained:
        text = text.replace(f"[{word}](#{word})", word)
    return text


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
