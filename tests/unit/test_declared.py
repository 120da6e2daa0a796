"""What the package declares is what CI runs, and a release runs what CI runs."""

import tomllib
from typing import Any

import yaml

from tests.support.source import ROOT

SYSTEMS = {"ubuntu": "Operating System :: POSIX :: Linux", "macos": "Operating System :: MacOS"}
PYTHON = "Programming Language :: Python :: 3."


def workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, yaml.BaseLoader)
    return loaded


def test_classifiers_are_what_ci_runs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    job = workflow("ci")["jobs"]["test"]
    pythons = [one.rpartition(" ")[2] for one in project["classifiers"] if one.startswith(PYTHON)]
    assert pythons == job["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={pythons[0]}"
    systems = [one for one in project["classifiers"] if one.startswith("Operating System")]
    assert systems == [SYSTEMS[job["runs-on"].partition("-")[0]]]


def test_a_release_is_built_after_all_of_ci() -> None:
    jobs = workflow("release")["jobs"]
    [ci] = [name for name, job in jobs.items() if job.get("uses") == "./.github/workflows/ci.yml"]
    assert jobs["build"]["needs"] == ci
    assert "workflow_call" in workflow("ci")["on"]
