"""The hooks that pre-commit and prek read."""

from pathlib import Path

import pytest
import yaml
from pre_commit.clientlib import load_manifest

from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.registry import MODULES

MANIFEST = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"


def test_pre_commit_accepts_the_manifest() -> None:
    hooks = load_manifest(str(MANIFEST))
    assert [hook["id"] for hook in hooks] == ["campaign-fmt", "campaign-validate", "campaign-plan-offline"]


@pytest.mark.parametrize("hook", yaml.safe_load(MANIFEST.read_text(encoding="utf-8")), ids=lambda h: h["id"])
def test_a_hook_runs_a_command_that_exists(hook: dict[str, str]) -> None:
    program, name, *options = hook["entry"].split()
    assert program == "campaign"
    assert name in MODULES
    assert name != "apply"
    command = campaign.get_command(campaign.context_class(campaign), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(options) <= known


@pytest.mark.parametrize("hook", yaml.safe_load(MANIFEST.read_text(encoding="utf-8")), ids=lambda h: h["id"])
def test_a_hook_installs_the_locked_versions(hook: dict[str, list[str]]) -> None:
    """pip and uv run in the clone of this repository; what was released since changes no hook."""
    constraint, file, *_parts = hook["additional_dependencies"]
    assert constraint == "-c"
    assert MANIFEST.with_name("runner") / "constraints.txt" == MANIFEST.parent / file
    assert (MANIFEST.parent / file).is_file()
