"""Who may sign or comment runs no code of others; every image is named by its digest."""

import re

import yaml

from tests.tools.check_workflows import PROJECT


def test_who_can_sign_runs_no_code_of_a_package() -> None:
    release = yaml.safe_load((PROJECT / ".github/workflows/release.yml").read_text(encoding="utf-8"))["jobs"]
    signing = {name: job for name, job in release.items() if job["permissions"] != {"contents": "read"}}
    assert set(signing) == {"attest", "publish", "attach"}
    for job in signing.values():
        used = {step["uses"].split("@")[0] for step in job["steps"] if "uses" in step}
        assert used.isdisjoint({"actions/checkout", "actions/setup-python"})
        programs = {
            line.split()[0]
            for step in job["steps"]
            for line in step.get("run", "").replace("(cd dist && ", "").splitlines()
        }
        assert programs <= {"rm", "sha256sum", "gh"}


def test_who_renders_campaigns_writes_nothing_but_a_comment() -> None:
    jobs = yaml.safe_load((PROJECT / ".github/workflows/campaigns.yml").read_text(encoding="utf-8"))["jobs"]
    planning = {
        name: {right for right, how in job["permissions"].items() if how == "write"}
        for name, job in jobs.items()
        if any(step.get("with", {}).get("command") == "plan" for step in job["steps"])
    }
    assert planning == {"plan": {"pull-requests"}, "review": set()}


def test_every_image_is_named_by_its_digest() -> None:
    dockerfile = (PROJECT / ".github/container/Dockerfile").read_text(encoding="utf-8")
    [base] = re.findall(r"^ARG BASE=(.+)$", dockerfile, flags=re.M)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim@sha256:[0-9a-f]{64}", base)
    assert set(re.findall(r"^FROM (\S+)", dockerfile, flags=re.M)) == {"${BASE}"}
    template = yaml.safe_load((PROJECT / "docs/ci/gitlab.yml").read_text(encoding="utf-8"))
    images = [job["image"] for job in template.values() if isinstance(job, dict) and "image" in job]
    assert images == [{"name": "REGISTRY/campaign@sha256:DIGEST", "entrypoint": [""]}], "the team's own"
    assert "USER 10001:10001" in dockerfile


def test_a_pipeline_takes_nothing_from_who_starts_it() -> None:
    """Each variable of the template is one that GitLab itself sets."""
    text = (PROJECT / "docs/ci/gitlab.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{?([A-Z_]+)", text)) == {
        "CI_COMMIT_BRANCH", "CI_COMMIT_SHORT_SHA", "CI_DEFAULT_BRANCH", "CI_MERGE_REQUEST_DIFF_BASE_SHA",
        "CI_NODE_INDEX", "CI_NODE_TOTAL", "CI_PIPELINE_SCHEDULE_DESCRIPTION", "CI_PIPELINE_SOURCE",
        "CI_PROJECT_DIR",
    }  # fmt: skip


def test_nothing_of_a_branch_lies_beside_what_a_job_made() -> None:
    template = yaml.safe_load((PROJECT / "docs/ci/gitlab.yml").read_text(encoding="utf-8"))
    made = [job for job in template.values() if isinstance(job, dict) and "artifacts" in job]
    assert len(made) == 2
    for job in made:
        assert job["script"][0].split() == ["rm", "-rf", *job["artifacts"]["paths"]]
