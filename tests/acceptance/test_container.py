"""The image where nothing can be written, as nobody, without a network; and the example for Kubernetes."""

import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tests.support.optional_parts import skip_or_fail
from wechat_campaigns.core.errors import TRANSIENT

pytestmark = pytest.mark.deep

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / ".github" / "container" / "Dockerfile").read_text(encoding="utf-8")
EXAMPLES = pytest.mark.parametrize("example", ["kubernetes.yml", "kubernetes-fleet.yml"])
USER = 10001
BASE = re.compile(r"python:[\w.-]+@sha256:[0-9a-f]{64}")
JAIL = """\
set -eu
mount --make-rprivate /
mount --bind / "$JAIL"
mount -o remount,ro,bind "$JAIL"
mount -t tmpfs -o mode=1777 tmpfs "$JAIL/tmp"
mount -t tmpfs tmpfs "$JAIL/mnt"
mkdir "$JAIL/mnt/checkout" "$JAIL/mnt/state" "$JAIL/mnt/python"
mount --bind "$CHECKOUT" "$JAIL/mnt/checkout"; mount -o remount,ro,bind "$JAIL/mnt/checkout"
mount --bind "$STATE" "$JAIL/mnt/state"
mount --bind "$PYTHON_HOME" "$JAIL/mnt/python"
for name in dev proc work; do if [ -d "/$name" ]; then mount --rbind "/$name" "$JAIL/$name"; fi; done
case "$PROGRAMS" in /tmp/*)  # a checkout below /tmp, which is empty here
  mkdir -p "$JAIL$PROGRAMS"; mount --bind "$PROGRAMS" "$JAIL$PROGRAMS";;
esac
case "$PYTHON_HOME" in /root/*)  # where an ordinary user may not go
  mount -t tmpfs -o mode=755 tmpfs "$JAIL/root"; mkdir -p "$JAIL$PYTHON_HOME"
  mount --rbind "$JAIL/mnt/python" "$JAIL$PYTHON_HOME";;
esac
ip link set lo up
cd "$JAIL/mnt/checkout"
exec chroot --userspec="$USER_ID:$USER_ID" --groups="$USER_ID" "$JAIL" \\
  env -i PATH=/usr/bin:/bin $SETTINGS sh -c 'cd /mnt/checkout && exec "$@"' sh "$@"
"""


def settings_of_the_image() -> dict[str, str]:
    [line] = re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)
    pairs = dict(word.split("=", 1) for word in line.split())
    return {name: value.replace("/state", "/mnt/state") for name, value in pairs.items()}


def in_the_image(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the entry point as the image would with `--read-only --tmpfs /tmp --network none`."""
    jail = folder / "jail"
    jail.mkdir(exist_ok=True)
    programs = Path(sys.executable).parent
    env = {
        **os.environ, "JAIL": str(jail), "CHECKOUT": str(folder / "checkout"), "STATE": str(folder / "state"),
        "PYTHON_HOME": os.path.realpath(sys.base_prefix), "USER_ID": str(USER), "PROGRAMS": str(ROOT),
        "SETTINGS": " ".join(f"{name}={value}" for name, value in settings_of_the_image().items()),
    }  # fmt: skip
    command = ["unshare", "--mount", "--net", "sh", "-c", JAIL, "sh"]
    entry = [str(programs / "python"), "-I", str(programs / "campaign"), *words]
    return subprocess.run([*command, *entry], env=env, capture_output=True, text=True, check=False)


def can_be_jailed() -> bool:
    tools = all(shutil.which(tool) for tool in ("unshare", "chroot", "ip"))
    if os.geteuid() != 0 or not tools:
        return False
    probe = ["unshare", "--mount", "--net", "sh", "-c", "mount --make-rprivate / && ip link set lo up"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_be_jailed(), reason="needs root, and namespaces of its own")
def test_the_command_needs_no_file_system_no_home_and_no_network(tmp_path: Path) -> None:
    checkout, state = tmp_path / "checkout", tmp_path / "state"
    checkout.mkdir()
    state.mkdir()
    tmp_path.chmod(0o755)
    os.chown(state, 0, USER)  # as a volume with fsGroup
    state.chmod(0o2775)
    campaign = str(Path(sys.executable).parent / "campaign")
    env = {**os.environ, "CAMPAIGN_STATE_DIR": str(tmp_path / "other")}
    subprocess.run([campaign, "init", "--ci", "none"], cwd=checkout, env=env, check=True, capture_output=True)
    before = sorted(checkout.rglob("*"))
    for words in (["--version"], ["plan"], ["apply", "--auto-approve"], ["status", "--wait"]):
        done = in_the_image(tmp_path, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "success" in done.stdout or "sent" in done.stdout
    assert sorted(checkout.rglob("*")) == before
    written = [path for path in state.rglob("*") if path.is_file()]
    assert written
    assert {path.stat().st_uid for path in written} == {USER}


def test_the_image_is_nobody_by_number_and_its_base_a_digest() -> None:
    users = re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)
    assert users == [f"{USER}:{USER}"]
    gitlab = (ROOT / "docs" / "ci" / "gitlab.yml").read_text(encoding="utf-8")
    assert len(BASE.findall(DOCKERFILE)) == 1
    assert BASE.findall(gitlab) == []


def documents(example: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "docs/ci" / example).read_text(encoding="utf-8")))


def job_of(example: str) -> dict[str, Any]:
    [cron] = [document for document in documents(example) if document["kind"] == "CronJob"]
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    return cast(dict[str, Any], cron["spec"]["jobTemplate"]["spec"])


@EXAMPLES
def test_the_example_for_kubernetes_is_locked_down(example: str) -> None:
    pod = job_of(example)["template"]["spec"]
    of_pod = pod["securityContext"]
    assert (of_pod["runAsNonRoot"], of_pod["runAsUser"], of_pod["fsGroup"]) == (True, USER, USER)
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in [*pod["initContainers"], *pod["containers"]]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert re.search(r"@sha256:[0-9a-f]{64}$", container["image"])
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize(
    ("example", "action"), [("kubernetes.yml", "FailJob"), ("kubernetes-fleet.yml", "FailIndex")]
)
def test_the_example_tries_again_only_what_is_transient(example: str, action: str) -> None:
    """A part of the accounts that fails stops no other."""
    job = job_of(example)
    [rule] = job["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["operator"]) == (action, "NotIn")
    assert rule["onExitCodes"]["values"] == sorted(TRANSIENT)
    assert ("backoffLimitPerIndex" in job) is (job.get("completionMode") == "Indexed")


@EXAMPLES
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_the_example_fits_the_schema_of_kubernetes(example: str, version: str) -> None:
    if find_spec("kubernetes_validate") is None:
        skip_or_fail("the group `kubernetes` is not installed")
    kubernetes = import_module("kubernetes_validate")

    def fits(document: dict[str, Any]) -> bool:
        try:
            kubernetes.validate(document, version, strict=True)
        except kubernetes.ValidationError:
            return False
        return True

    assert all(map(fits, documents(example)))
    assert not any(fits({**document, "sepc": {}}) for document in documents(example))
