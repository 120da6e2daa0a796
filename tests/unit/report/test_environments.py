"""The same campaign in several environments: what is the same, what was sent where, what was edited since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode

SETTINGS = """
default_environment: staging
environments:
  staging: {api: sandbox, ledger: sqlite, vars: {shop: 示例商城}}
  production: {api: sandbox, ledger: sqlite, vars: {shop: SHOP}}
"""
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 今晚八点，{{ shop }}见。\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One campaign, two environments that render it alike."""
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / "_settings.yaml").write_text(SETTINGS.replace("SHOP", "示例商城"), encoding="utf-8")
    (root / "sale.yaml").write_text(SALE, encoding="utf-8")
    return root


def table(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["environments", "sale", "--dir", str(folder), "--format", "json", *more]) == ExitCode.OK
    [send] = json.loads(capsys.readouterr().out)["sends"]
    return {**send, "environments": {stage["environment"]: stage for stage in send["environments"]}}


def test_a_send_is_followed_from_staging_to_production(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sent in one, not yet in the other, and both mean the same."""
    assert run(["apply", "sale", "--auto-approve", "--dir", str(folder)]) == ExitCode.OK
    seen = table(folder, capsys, "--in", "staging", "--in", "production")
    assert seen["same_content"]
    assert list(seen["environments"]) == ["staging", "production"]
    assert seen["environments"]["staging"]["status"] == "accepted"
    assert seen["environments"]["production"]["status"] == "not_sent"
    assert seen["environments"]["production"]["at"] is None


def test_an_edit_after_staging_is_seen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was tried out there is not what production would send now."""
    run(["apply", "sale", "--auto-approve", "--dir", str(folder)])
    assert not table(folder, capsys)["environments"]["staging"]["edited"]
    (folder / "sale.yaml").write_text(SALE.replace("八点", "九点"), encoding="utf-8")
    assert table(folder, capsys)["environments"]["staging"]["edited"]
    assert run(["environments", "--dir", str(folder)]) == ExitCode.OK
    assert "edited since" in capsys.readouterr().out


def test_variables_that_differ_are_seen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another word in production is another message."""
    (folder / "_settings.yaml").write_text(SETTINGS.replace("SHOP", "真实商城"), encoding="utf-8")
    seen = table(folder, capsys, "--in", "staging", "--in", "production")
    assert not seen["same_content"]
    assert len({stage["content_digest"] for stage in seen["environments"].values()}) == 2


def test_the_account_s_name_is_no_difference(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Accounts have other names in other environments; what followers get is the same."""
    settings = SETTINGS.replace("SHOP", "示例商城").replace(
        "production: {api: sandbox,",
        "production: {api: sandbox, accounts: {main: {kind: service, appid: wx0000000000000001}},",
    )
    (folder / "_settings.yaml").write_text(settings, encoding="utf-8")
    seen = table(folder, capsys, "--in", "staging", "--in", "production")
    assert seen["same_content"]
    assert len({stage["content_digest"] for stage in seen["environments"].values()}) == 1


def test_an_environment_that_cannot_be_read_is_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The built-in sandbox lacks a variable here: the others are shown all the same, and it is said."""
    assert run(["environments", "--dir", str(folder)]) == ExitCode.OK
    told = capsys.readouterr()
    assert "skipping sandbox: 1 problem found" in told.err
    assert "production (service): not sent" in told.out


def test_what_cannot_be_rendered_or_found_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name is told the right ones; an invalid campaign is told where."""
    assert run(["environments", "--in", "prod", "--dir", str(folder)]) == ExitCode.USAGE
    assert "staging, production" in capsys.readouterr().err
    (folder / "sale.yaml").write_text(SALE.replace("shop", "shoe"), encoding="utf-8")
    assert run(["environments", "--in", "staging", "--dir", str(folder)]) == ExitCode.INVALID
    assert "sale.yaml:3" in capsys.readouterr().err
