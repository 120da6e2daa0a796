"""Write the locks anew: the newest versions that pyproject.toml allows, each with the hashes of its files.

`runner/requirements.lock` holds what the tool needs with every extra, for each Python and system it runs
on; the wheel carries it. `runner/constraints.txt` is the same without hashes, for the hooks.
`.github/build.lock` holds what builds the wheel, `.github/dev.lock` what CI tests and checks with,
`.github/uv.lock` the installer that CI takes where it can. `runner/sbom.cdx.json` lists what
`requirements.lock` does (CycloneDX, for scanners); the wheel carries it in the folder of its metadata
(PEP 770).
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wechat_campaigns import __version__

PROJECT = Path(__file__).parents[2]
LOCK = PROJECT / "runner" / "requirements.lock"
CONSTRAINTS = LOCK.with_name("constraints.txt")
BUILD_LOCK = PROJECT / ".github" / "build.lock"
DEV_LOCK = PROJECT / ".github" / "dev.lock"
UV_LOCK = PROJECT / ".github" / "uv.lock"
SBOM = LOCK.with_name("sbom.cdx.json")
# No header, annotation, index or path: a lock holds nothing of the machine that wrote it.
COMPILE = (
    "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade",
    "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
)  # fmt: skip


def compile_lock(lock: Path, *arguments: str, requirements: str | None = None) -> None:
    """Let uv resolve requirements from a file or standard input into a lock."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), *COMPILE, *arguments, "--output-file", str(lock)]
    subprocess.run(command, cwd=PROJECT, input=requirements, text=True, check=True, stdout=subprocess.DEVNULL)


def without_hashes(lock: str) -> str:
    """Keep the names, versions and markers of a lock."""
    entries = [line.removesuffix(" \\") for line in lock.splitlines() if not line.startswith(" ")]
    return "".join(f"{entry}\n" for entry in entries)


def sbom(project: Mapping[str, Any], constraints: str) -> str:
    """Return a CycloneDX document of what the wheel needs: locked versions, each with its marker."""
    locked = [Requirement(line) for line in constraints.splitlines()]
    optional = [name for names in project["optional-dependencies"].values() for name in names]
    direct = {canonicalize_name(Requirement(name).name) for name in [*project["dependencies"], *optional]}
    components = []
    for one in locked:
        [pin] = one.specifier
        component = {
            "type": "library",
            "bom-ref": str(one).replace(" ", ""),
            "name": one.name,
            "version": pin.version,
            "purl": f"pkg:pypi/{canonicalize_name(one.name)}@{pin.version}",
        }
        if one.marker is not None:
            component["properties"] = [{"name": "python:marker", "value": str(one.marker)}]
        components.append(component)
    root = {
        "type": "application",
        "bom-ref": project["name"],
        "name": project["name"],
        "version": __version__,
        "licenses": [{"license": {"id": project["license"]}}],
        "purl": f"pkg:pypi/{project['name']}@{__version__}",
    }
    needed = [one["bom-ref"] for one in components if canonicalize_name(str(one["name"])) in direct]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [{"ref": project["name"], "dependsOn": needed}],
    }
    return f"{json.dumps(document, indent=1)}\n"


def main() -> int:
    """Write all six."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    name = project["project"]["name"]
    compile_lock(LOCK, "pyproject.toml", "--extra", "all", "--no-emit-package", name)
    CONSTRAINTS.write_text(without_hashes(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
    SBOM.write_text(sbom(project["project"], CONSTRAINTS.read_text(encoding="utf-8")), encoding="utf-8")
    # hatchling asks for `editables` besides when it builds an editable install, which `make LOCKED=1` is.
    needed = "\n".join([*project["build-system"]["requires"], "editables"])
    compile_lock(BUILD_LOCK, "-", "--constraints", str(LOCK), requirements=needed)
    constraints = ("--constraints", str(LOCK), "--constraints", str(BUILD_LOCK))
    compile_lock(DEV_LOCK, "--group", "dev", "--group", "kubernetes", *constraints)
    compile_lock(UV_LOCK, "-", requirements="\n".join(project["dependency-groups"]["lock"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
