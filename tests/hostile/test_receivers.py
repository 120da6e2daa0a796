"""Receivers, settings and tables that a stranger's template or text would send to followers."""

import json
from pathlib import Path

import pytest

from tests.hostile.process import Done, campaign

SETTINGS = """\
vars: {token: quiet-canary-4711}
environments:
  test:
    api: sandbox
    accounts:
      main: {appid: wx0000000000000001, secret: {env: NOT_SET}, kind: service}
"""
OPENIDS = ("oZ3xK9-canary_AbCdEfGhIjKl01", "oZ3xK9-canary_AbCdEfGhIjKl02")
LISTED = "\n".join(OPENIDS) + "\n"
TEXT = "filter: {is_to_all: true}\nmsgtype: text\ncontent: CONTENT\n"
ARTICLE = """\
filter: {is_to_all: true}
msgtype: mpnews
content: {articles: [{title: 春茶, body: a.KIND, cover: {media_id: M1}}]}
"""


def run(folder: Path, *words: str, **files: str) -> Done:
    """Write files of campaigns and run the command beside them."""
    for name, content in {"_settings.yaml": SETTINGS, **files}.items():
        file = folder / "campaigns" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return campaign(folder, *words, home=folder)


def _rules(folder: Path, **files: str) -> tuple[set[str], str]:
    done = run(folder, "validate", "--format", "json", **files)
    assert "Traceback" not in done.stderr
    problems = json.loads(done.stdout)["problems"]
    return {one["rule"] for one in problems if one["level"] == "error"}, done.stdout + done.stderr


@pytest.mark.deep
@pytest.mark.parametrize(
    "content",
    [
        "\"x {% include 'ids28.txt' %}\"",
        "\"{% set a %}{% include 'ids28.txt' %}{% endset %}{{ a|replace('-', '+') }}\"",
        "{text_file: ids28.txt}",
        f"亲爱的 {OPENIDS[0]}",
        "\"{{ ['oZ3xK9-canary_A', 'bCdEfGhIjKl01']|join }}\"",
    ],
)
def test_no_openid_becomes_a_text(tmp_path: Path, content: str) -> None:
    files = {"c.yaml": TEXT.replace("CONTENT", content), "ids28.txt": LISTED}
    files["d.yaml"] = "filter: {openids: {file: ids28.txt}}\nmsgtype: text\ncontent: 你好\n"
    found, said = _rules(tmp_path, **files)
    assert found == {"openid-in-content"}
    for arguments in (("plan", "--offline"), ("plan", "--offline", "--format", "json"), ("render", "c")):
        done = run(tmp_path, *arguments)
        assert done.returncode == 3, arguments
        said += done.stdout + done.stderr
    assert not [openid for openid in OPENIDS if openid in said]


@pytest.mark.parametrize("kind", ["md", "html"])
@pytest.mark.parametrize(
    "body",
    [
        f"<p>茶 {OPENIDS[0]}</p>",
        "<p>{% include 'ids28.txt' %}</p>",
        "<p>{{ ['oZ3xK9-canary_A', 'bCdEfGhIjKl01']|join }}</p>",
    ],
)
def test_no_openid_becomes_an_article(tmp_path: Path, kind: str, body: str) -> None:
    campaign = ARTICLE.replace("KIND", kind)
    found, said = _rules(tmp_path, **{"c.yaml": campaign, f"a.{kind}": f"<p>{body}</p>", "ids28.txt": LISTED})
    assert "openid-in-content" in found
    assert OPENIDS[0] not in said


@pytest.mark.deep
@pytest.mark.parametrize("name", ["_settings.yaml", "x.YML", "_partials/x.yml", "list.csv", "list.xlsx"])
@pytest.mark.parametrize(
    "content",
    [
        "\"{% include 'NAME' %}\"",
        "\"{% extends 'NAME' %}\"",
        "\"{% import 'NAME' as m %}{{ m }}\"",
        "{text_file: NAME}",
        "\"{% include 'NAME/.' %}\"",
    ],
)
def test_settings_and_tables_are_no_texts(tmp_path: Path, name: str, content: str) -> None:
    files = {} if name == "_settings.yaml" else {name: "a: 1\n"}
    campaign = TEXT.replace("CONTENT", content.replace("NAME", name))
    found, said = _rules(tmp_path, **{"c.yaml": campaign, **files})
    assert "file-data" in found
    assert "quiet-canary-4711" not in said


def test_an_honest_text_and_list_have_no_error(tmp_path: Path) -> None:
    campaign = "filter: {openids: {file: ids28.txt}}\nmsgtype: text\ncontent: \"{% include 'sign.txt' %}\"\n"
    found, _said = _rules(tmp_path, **{"c.yaml": campaign, "ids28.txt": LISTED, "sign.txt": "茶山\n"})
    assert found == set()
