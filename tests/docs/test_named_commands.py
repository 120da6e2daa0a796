"""Every command that a page or a message names exists, and so does each of its options."""

import re
import shlex
from collections.abc import Iterator

import click

from tests.docs.blocks import ROOT
from tests.tools.make_catalog import catalogs, read
from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.options import OF_PERSONS
from wechat_campaigns.cli.reference import every_command

STARTER = ROOT / "runner" / "wechat_campaigns" / "source" / "starter"
"""Has pages for coding agents."""
PAGES = sorted(
    [
        *ROOT.glob("README*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / ".github").glob("*.md"),
        *STARTER.glob("*.md"),
    ]
)
NAMED = re.compile(r"`campaign ([^`]+)`|^ *\$ campaign ((?:[^\n]*\\\n)*[^\n]*)$", re.M)
FOREIGN = {"--pip-args", "--build-arg", "--plant", "--brand"}
"""Options of pipx, docker and `tests.torture`; a variable of themes."""
PLACEHOLDER = re.compile(r"[A-Z]+")


def texts() -> dict[str, str]:
    """Return the text of every page, and all messages of the program as one."""
    found = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
    messages = (message.id for message in read(catalogs()[0]))
    return found | {"messages": "\n\n".join(one if isinstance(one, str) else one[-1] for one in messages)}


def named(text: str) -> Iterator[list[str]]:
    for inline, block in NAMED.findall(text):
        text = re.split(r" (?:\|\|?|&&|>) ", inline or block)[0]
        text = re.sub(r"\{\w+\}", " ID ", re.sub(r"--lang \w+|…", "", text))
        yield shlex.split(re.sub(r"\s+", " ", text.replace("\\\n", " ").replace("[", "").replace("]", "")))


def faults(words: list[str]) -> Iterator[str]:
    """What of a command does not exist."""
    command: click.Command = campaign
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            if PLACEHOLDER.fullmatch(word):
                return
            below = command.get_command(command.context_class(command), word)
            if below is None:
                yield f"there is no command {word}: {words}"
                return
            command = below
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {name for parameter in campaign.params for name in parameter.opts} | {"--help", "-h"}
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in options:
            yield f"{command.name} does not have {word}: {words}"


def test_what_is_named_exists() -> None:
    found = {
        page: [fault for words in named(text) for fault in faults(words)] for page, text in texts().items()
    }
    assert {page: wrong for page, wrong in found.items() if wrong} == {}


def test_an_option_on_its_own_exists() -> None:
    """As in "`--wait` stays"; variables of themes in docs/articles.md look the same."""
    params = [*campaign.params, *(param for _path, one in every_command(campaign) for param in one.params)]
    options = {name for param in params for name in (*param.opts, *param.secondary_opts)} | FOREIGN
    found = [text for page, text in texts().items() if not page.startswith("articles.")]
    named = {name for text in found for name in re.findall(r"`(--[a-z][a-z-]*)", text)}
    assert named - options == {"--help"}


def test_the_page_for_agents_lists_every_command_that_they_are_refused() -> None:
    refused = {
        path.removeprefix("campaign ") for path, one in every_command(campaign) if one.effect in OF_PERSONS
    }
    for page in ("writing.md", "writing.zh-CN.md"):
        rows = re.findall(r"^\| (`[^|]+) \|", texts()[page], re.M)
        listed = {name for row in rows for name in re.findall(r"`([a-z ]+)`", row)}
        assert listed - {"plan"} == refused, page
