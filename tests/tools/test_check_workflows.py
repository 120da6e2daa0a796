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
    assert images == [
        {"name": "$CAMPAIGN_IMAGE", "entrypoint": [""]}
    ]  # the team's own, by the digest it writes
    assert "USER 10001:10001" in dockerfile
