"""Write the parts of the pages in docs/ that the program knows: what a robot posts, lines of files.

`python -m tests.tools.make_reference` runs this too; `tests/docs/test_reference.py` fails when a part is old.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.factories import make_send, make_settings, plan_of
from wechat_campaigns.core.i18n import Language, current_language, set_language
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.notify.notices import Moment, Notice, RunSummary, message
from wechat_campaigns.plan.policy import RULES
from wechat_campaigns.source.schema import localized_schema_text

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGES: tuple[tuple[str, Language], ...] = ((".md", "en"), (".zh-CN.md", "zh"))
LINES = re.compile(r"^\| `(runner/[^`]+)` \| \d+ \|", re.M)
"""The row of a file in docs/trust.md, with the number of its lines."""


def main() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}")


def pages() -> dict[str, str]:
    """Every page that has such a part, by its file name, with the parts as they are today."""
    trust = (DOCS / "trust.md").read_text(encoding="utf-8")
    written = {"trust.md": LINES.sub(_row_with_lines, trust)}
    before = current_language()
    try:
        for ending, language in LANGUAGES:
            set_language(language)
            for page, parts in PARTS.items():
                text = (DOCS / f"{page}{ending}").read_text(encoding="utf-8")
                written[f"{page}{ending}"] = _with_parts(text, parts)
    finally:
        set_language(before)
    return written


def _with_parts(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """Write each part between its marks."""
    for name, write in parts.items():
        start, mark, rest = text.partition(f"<!-- {name}: written by make_reference -->\n")
        end = rest.index("<!-- end -->")
        text = f"{start}{mark}\n{write()}\n\n{rest[end:]}"
    return text


def _robot_message() -> str:
    """What a chat robot posts about two sends."""
    run = RunSummary(
        environment="production",
        commit="2f4c1c0a9b1e",
        url="https://github.com/example/campaigns/actions/runs/1",
    )
    reason = plan_of(make_send(), settings=make_settings(policy=Policy(max_recipients=500))).sends[0].reason
    notices = [
        Notice(moment=Moment.ACCEPTED, id="sale", account="main", followers=1204),
        Notice(moment=Moment.NOT_SENT, id="old-sale", account="main", reason=reason),
    ]
    lines = str(message(notices, run)).splitlines()
    return "\n".join(f"> {line}<br>" for line in lines)


def _rules() -> str:
    """The table of the rules that have a setting, as `core/settings.py` defines it."""
    policy = json.loads(localized_schema_text("settings"))["definitions"]["policy"]["properties"]
    head = {"en": "| rule | example | requirement |", "zh": "| 规则 | 写法 | 要求 |"}[current_language()]
    rows = [
        f"| `{name}` | `{name}: {_flow(_example(key))}` | {key['description']} |"
        for name, key in policy.items()
        if name in RULES
    ]
    return "\n".join((head, "|---|---|---|", *rows))


def _example(key: Mapping[str, Any]) -> Any:
    return True if key.get("type") == "boolean" else key.get("examples", [key.get("default")])[0]


def _flow(value: Any) -> str:
    """YAML in one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return value if isinstance(value, str) and ":" not in value else json.dumps(value)


def _row_with_lines(row: re.Match[str]) -> str:
    count = (ROOT / row[1]).read_text(encoding="utf-8").count("\n")
    return f"| `{row[1]}` | {count} |"


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "notify": {"message": _robot_message},
    "policy": {"rules": _rules},
}
"""By page: its parts that the program writes, each by its name in the page."""


if __name__ == "__main__":
    main()
