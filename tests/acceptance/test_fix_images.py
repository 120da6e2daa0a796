"""`fix_images`: what WeChat would refuse is sent converted, named in the plan, the same everywhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.playground import PICTURES, Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode

NEWS = """\
filter: {tag: 会员}
msgtype: mpnews
content:
  articles:
    - {title: 春茶, body: tea.md, cover: {file: cup.webp}}
"""
POST = """\
filter: {tag: 会员}
msgtype: mpnews
content: {newspic: {title: 茶, text: 新茶, images: [{file: cup.webp}]}}
"""


@pytest.fixture
def root(tmp_path: Path, sandbox: Sandbox) -> Path:
    """An article and a picture post, all of whose pictures are WebP."""
    folder = campaigns_on(sandbox, tmp_path)
    (folder / "cup.webp").write_bytes((PICTURES / "cup.webp").read_bytes())
    (folder / "tea.md").write_text("新茶到了。\n\n![茶](cup.webp)\n", encoding="utf-8")
    (folder / "news.yaml").write_text(NEWS, encoding="utf-8")
    (folder / "post.yaml").write_text(POST, encoding="utf-8")
    return folder


def campaign(root: Path, *words: str) -> int:
    return run([*words, "--dir", str(root)])


def fix_images(root: Path, wanted: str = "true") -> None:
    settings = root / "_settings.yaml"
    written = settings.read_text(encoding="utf-8").partition("articles:")[0]
    settings.write_text(f"{written}articles: {{fix_images: {wanted}}}\n", encoding="utf-8")


def warned(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for send in plan["sends"]:
        for warning in send["warnings"]:
            if warning["rule"] == "image-fixed":
                yield send["id"], warning["path"]


@pytest.mark.deep
def test_wrong_image_formats_are_refused_without_fix_images(root: Path, capsys: pytest.CaptureFixture[str]):
    assert campaign(root, "validate") == ExitCode.INVALID
    told = capsys.readouterr().out
    assert "tea.md:3" in told
    assert "post.yaml" in told
    fix_images(root)
    assert campaign(root, "validate") == ExitCode.OK


def test_plan_names_each_converted_picture(root: Path, capsys: pytest.CaptureFixture[str]):
    fix_images(root)
    assert campaign(root, "plan", "--format", "json") == ExitCode.OK
    assert sorted(warned(json.loads(capsys.readouterr().out))) == [
        ("news", "$.content.articles[0].body"),
        ("news", "$.content.articles[0].cover.file"),
        ("post", "$.content.newspic.images[0].file"),
    ]


@pytest.mark.deep
def test_apply_with_fix_images_sends_what_was_planned(
    root: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
):
    fix_images(root)
    campaign(root, "plan", "--format", "json")
    digest = json.loads(capsys.readouterr().out)["plan_digest"]
    words = ("apply", "--auto-approve", "--expect-digest", digest)
    fix_images(root, "false")
    assert campaign(root, *words) == ExitCode.INVALID
    assert sandbox.jobs() == []
    fix_images(root)
    assert campaign(root, *words) == ExitCode.OK
    assert len(sandbox.jobs()) == 2
