"""Packages from npm are used only when whole: an npm that fails or leaves files out is tried again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import npm_packages

NPM = """#!/bin/sh
# {name} of what npm may do: the first {bad} calls go wrong.
count="$0.count"
echo x >> "$count"
[ "$(wc -l < "$count")" -gt {bad} ] || {{ {fault}; }}
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules/made" && echo 'module.exports = 1' > "$2/node_modules/made/index.js"
"""
FAULTS = {"fails": "echo 'registry says no' >&2; exit 1", "leaves files out": "exit 0"}

pytestmark = [
    pytest.mark.optional_part,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not on PATH"),
]


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('node') or '').parent}:/usr/bin:/bin")
    return tmp_path / "npm"


def does(npm: Path, fault: str, bad: int) -> None:
    npm.write_text(NPM.format(name=fault, bad=bad, fault=FAULTS[fault]), encoding="utf-8")
    npm.chmod(0o755)


@pytest.mark.deep
@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_made_again_until_whole(fault: str, npm: Path, tmp_path: Path) -> None:
    does(npm, fault, 2)
    for _again in range(2):
        assert npm_packages.installed(tmp_path / "set", {"made": "1"}, ["made"], pause=0) == ""
    assert (tmp_path / "npm.count").read_text(encoding="utf-8").count("x") == 3


@pytest.mark.parametrize(("fault", "said"), [("fails", "registry says no"), ("leaves files out", "'made'")])
def test_what_stayed_wrong_is_told(fault: str, said: str, npm: Path, tmp_path: Path) -> None:
    does(npm, fault, 99)
    assert said in npm_packages.installed(tmp_path / "set", {"made": "1"}, ["made"], pause=0)
    assert not (tmp_path / "set" / ".complete").exists()


def test_another_version_is_installed_anew(npm: Path, tmp_path: Path) -> None:
    does(npm, "fails", 0)
    for version in ("1", "2", "2"):
        assert npm_packages.installed(tmp_path / "set", {"made": version}, ["made"], pause=0) == ""
    assert (tmp_path / "npm.count").read_text(encoding="utf-8").count("x") == 2
