"""The locks: what pyproject.toml asks for, each with hashes of its files, and nothing of any machine."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tools.make_lock import (
    BUILD_LOCK,
    CONSTRAINTS,
    DEV_LOCK,
    LOCK,
    PROJECT,
    SBOM,
    UV_LOCK,
    sbom,
    without_hashes,
)

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
ENTRY = re.compile(
    r"(?P<requirement>[^\s\\][^\\\n]*?) \\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
)
PLATFORMS = [
    {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine}
    for python in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]


def locked(text: str) -> list[Requirement]:
    """Read a lock that holds entries with hashes and nothing else."""
    assert ENTRY.sub("", text) == "", "a line that is no package with its hashes"
    return [Requirement(entry["requirement"]) for entry in ENTRY.finditer(text)]


def versions(requirements: Iterable[Requirement], platform: dict[str, str]) -> Iterator[tuple[str, str]]:
    for requirement in requirements:
        here = {**default_environment(), "sys_platform": "linux", **platform}
        if requirement.marker is None or requirement.marker.evaluate(here):
            [pin] = requirement.specifier
            assert pin.operator == "=="
            yield canonicalize_name(requirement.name), pin.version


def wanted() -> list[Requirement]:
    named = [name for extra, names in EXTRAS.items() if extra != "all" for name in names]
    return [Requirement(name) for name in [*PYPROJECT["project"]["dependencies"], *named]]


@pytest.mark.parametrize(
    "platform", PLATFORMS, ids=lambda p: f"{p['python_version']}-{p['platform_machine']}"
)
def test_the_lock_holds_what_is_declared(platform: dict[str, str]) -> None:
    found = list(versions(locked(LOCK.read_text(encoding="utf-8")), platform))
    assert len(found) == len(dict(found))
    for requirement in wanted():
        version = dict(found)[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"run `make lock`: {requirement} is not {version}"
    assert "psycopg-binary" in dict(found)


def test_the_build_lock_holds_what_builds() -> None:
    build = dict(versions(locked(BUILD_LOCK.read_text(encoding="utf-8")), PLATFORMS[0]))
    assert "editables" in build, "make LOCKED=1 installs the checkout as editable"
    for requirement in map(Requirement, PYPROJECT["build-system"]["requires"]):
        assert requirement.specifier.contains(build[canonicalize_name(requirement.name)])
    runtime = dict(versions(locked(LOCK.read_text(encoding="utf-8")), PLATFORMS[0]))
    assert {name: runtime[name] for name in build if name in runtime}.items() <= build.items()


@pytest.mark.parametrize("platform", PLATFORMS[::2], ids=lambda p: p["python_version"])
def test_the_dev_lock_holds_what_tests_and_checks(platform: dict[str, str]) -> None:
    """No release of somebody else's turns CI red; what the locks share is of one version."""
    dev = dict(versions(locked(DEV_LOCK.read_text(encoding="utf-8")), platform))
    for requirement in map(Requirement, [*groups("dev"), *groups("kubernetes")]):
        version = dev[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"run `make lock`: {requirement} is not {version}"
    for lock in (LOCK, BUILD_LOCK):
        other = dict(versions(locked(lock.read_text(encoding="utf-8")), platform))
        assert {name: other[name] for name in dev if name in other}.items() <= dev.items()


def groups(name: str) -> Iterator[str]:
    for one in PYPROJECT["dependency-groups"][name]:
        if isinstance(one, str):
            yield one
        else:
            yield from groups(one["include-group"])


def test_the_lock_of_the_installer_holds_uv_alone() -> None:
    [(name, version)] = versions(locked(UV_LOCK.read_text(encoding="utf-8")), PLATFORMS[0])
    [requirement] = map(Requirement, PYPROJECT["dependency-groups"]["lock"])
    assert name == requirement.name == "uv"
    assert requirement.specifier.contains(version)


def test_the_constraints_are_the_lock_without_hashes() -> None:
    lock, constraints = (file.read_text(encoding="utf-8") for file in (LOCK, CONSTRAINTS))
    assert constraints == without_hashes(lock), "run `make lock`"
    assert [str(Requirement(line)) for line in constraints.splitlines()] == list(map(str, locked(lock)))


def test_the_sbom_lists_what_is_locked() -> None:
    text, constraints = (file.read_text(encoding="utf-8") for file in (SBOM, CONSTRAINTS))
    assert text == sbom(PYPROJECT["project"], constraints), "run `make lock`"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    pins = [f"{one['name']}=={one['version']}" for one in document["components"]]
    assert pins == [line.partition(" ;")[0] for line in constraints.splitlines()]
    [root] = document["dependencies"]
    assert {Requirement(pin.partition(";")[0]).name for pin in root["dependsOn"]} >= {
        canonicalize_name(Requirement(name).name) for name in PYPROJECT["project"]["dependencies"]
    }


def test_the_project_is_in_no_lock() -> None:
    for lock in (LOCK, BUILD_LOCK, DEV_LOCK, UV_LOCK):
        assert PYPROJECT["project"]["name"] not in {r.name for r in locked(lock.read_text(encoding="utf-8"))}


def test_all_is_every_extra() -> None:
    [requirement] = [Requirement(name) for name in EXTRAS["all"]]
    assert requirement.extras == set(EXTRAS) - {"all"}
