"""Characters that nobody can see, or that turn what is read: told by validate, shown in every page."""

import json
import re
from pathlib import Path

import pytest

from tests.hostile.test_receivers import ARTICLE, TEXT, run
from wechat_campaigns.core.redact import escape_invisible

TURNED = "价\u202e001\u202c\u200b"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180f\u200b\u200c\u200d\u2060\u206f\u2800\u3164\ufe00\ufe0e\ufe0f"
    "\ufeff\uffa0\U00013430\U0001343f\U0001bca0\U0001d173\U000e0001\U000e0041\U000e0100"
)
EMOJI = "👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 🏳\ufe0f\u200d🌈 👩🏽\u200d💻 🏴" + "".join(
    chr(0xE0000 + ord(letter)) for letter in "gbeng\x7f"
)


def _found(folder: Path, **files: str) -> set[tuple[str, str]]:
    done = run(folder, "validate", "--format", "json", **files)
    assert "Traceback" not in done.stderr
    return {(one["level"], one["rule"]) for one in json.loads(done.stdout)["problems"]}


def _escaped(text: str) -> str:
    return "".join(f"\\U{ord(character):08x}" for character in text)


@pytest.mark.parametrize(
    ("campaign", "body"),
    [
        (TEXT.replace("CONTENT", f'"{_escaped(TURNED)}"'), ""),
        (TEXT.replace("CONTENT", "{text_file: a.md}"), TURNED),
        (TEXT.replace("CONTENT", '"{{ v }}"') + f'vars: {{v: "{_escaped(TURNED)}"}}\n', ""),
        (ARTICLE.replace("KIND", "md"), f"茶 {TURNED}"),
        (ARTICLE.replace("KIND", "md"), "茶 &#x202E;001&#x202C;"),
        (ARTICLE.replace("KIND", "html"), "<p>茶 &#x202E;001&#x202C;</p>"),
        (ARTICLE.replace("KIND", "md") + f'vars: {{v: "{_escaped(TURNED)}"}}\n', "茶 {{ v }}"),
        (ARTICLE.replace("KIND", "md").replace("春茶", f'"{_escaped(TURNED)}"'), "茶"),
        (ARTICLE.replace("KIND", "md").replace("春茶", f'春茶, digest: "{_escaped(TURNED)}"'), "茶"),
    ],
)
def test_what_turns_a_text_is_an_error(tmp_path: Path, campaign: str, body: str) -> None:
    files = {f"a.{kind}": body for kind in ("md", "html")} if body else {}
    assert ("error", "bidi-control") in _found(tmp_path, **{"c.yaml": campaign, **files})


def test_each_character_is_found(tmp_path: Path) -> None:
    for kind, characters in (("error", BIDI), ("warning", UNSEEN)):
        root = tmp_path / kind
        files = {
            f"c{number}.yaml": TEXT.replace("CONTENT", f'"茶{_escaped(one)}茶 {number}"')
            for number, one in enumerate(characters)
        }
        done = run(root, "validate", **files)
        rule = "bidi-control" if kind == "error" else "invisible-character"
        told = {
            int(n) for n in re.findall(rf"c(\d+)\.yaml[^\n]*(?:\n[^\n]*)?{rule}", done.stdout + done.stderr)
        }
        assert told == set(range(len(characters))), (kind, done.stdout[-800:])


@pytest.mark.parametrize("where", ["text", "article"])
def test_emoji_are_seen(tmp_path: Path, where: str) -> None:
    campaign = TEXT.replace("CONTENT", f"茶 {EMOJI}") if where == "text" else ARTICLE.replace("KIND", "md")
    found = _found(tmp_path, **{"c.yaml": campaign, "a.md": f"茶 {EMOJI}\n"})
    assert not {rule for _level, rule in found} & {"bidi-control", "invisible-character"}


@pytest.mark.parametrize("kind", ["text", "article"])
def test_a_rendered_page_shows_them(tmp_path: Path, kind: str) -> None:
    """Whoever reviews the page sees what followers would not."""
    campaign = (
        TEXT.replace("CONTENT", "{text_file: a.md}") if kind == "text" else ARTICLE.replace("KIND", "md")
    )
    done = run(tmp_path, "render", "c", **{"c.yaml": campaign, "a.md": "茶\u200b\u2800\ufe00山\n"})
    assert done.returncode == 0, done.stderr
    pages = [file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.html")]
    assert pages
    assert not [page for page in pages if re.search("[\u200b\u2800\ufe00]", page)]
    assert all("茶⟨U+200B⟩⟨U+2800⟩⟨U+FE00⟩山" in page for page in pages)


@pytest.mark.parametrize("character", ["\ue000", "\uf8ff", "\U000f0000", "\U0010fffd"])
def test_a_character_that_each_font_draws_as_it_likes_is_marked(character: str) -> None:
    assert escape_invisible(f"茶{character}") == f"茶⟨U+{ord(character):04X}⟩"
