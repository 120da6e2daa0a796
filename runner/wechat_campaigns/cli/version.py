"""Show the version, the supported formats and what is installed."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import click

import wechat_campaigns
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.digest import DIGEST_VERSION
from wechat_campaigns.core.errors import EXTRAS, ExitCode, is_extra_installed
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.plan import planfile
from wechat_campaigns.protocol.events import FORMAT
from wechat_campaigns.source.schemas.store import SchemaName, schema_text

LOCK = "requirements.lock"


@command(
    effect=Effect.NONE,
    formats=TEXT_AND_JSON,
    examples={
        "campaign version -o json": N_("for a bug report, or for a program"),
        "campaign version --check": N_("list the packages that were not tested in this version"),
    },
)
@click.option("--check", is_flag=True, help="Compare the installed packages with those that were tested.")
def version(context: Context, check: bool) -> int:
    """Show the version, the supported formats and the installed extras; no network, also with --check."""
    data = version_data()
    lines = [version_text(data)]
    if check:
        data["differing"] = list(differing(_lock(), _installed))
        line = _("{package} {installed}: tested with {tested}")
        lines += [line.format(**one) for one in data["differing"]]
        if not data["differing"]:
            lines.append(_("Every package is of the version that was tested."))
    context.output_data(lambda: "\n".join(lines), data)
    return ExitCode.OK


def version_data() -> dict[str, Any]:
    """Return the version and what belongs to it."""
    names: tuple[SchemaName, ...] = ("campaign", "settings", "plan")
    return {
        "version": wechat_campaigns.__version__,
        "python": platform.python_version(),
        "formats": {"plan": planfile.FORMAT_VERSION, "ledger": str(FORMAT), "digest": str(DIGEST_VERSION)},
        "schemas": {name: sha256(schema_text(name).encode()).hexdigest()[:8] for name in names},
        "extras": [extra for extra in EXTRAS if is_extra_installed(extra)],
    }


def version_text(data: dict[str, Any]) -> str:
    """Write the version, one fact a line; the first line is for scripts."""
    return "\n".join(
        [
            f"campaign {data['version']}",
            f"Python {data['python']}",
            f"formats: {', '.join(f'{name} {number}' for name, number in data['formats'].items())}",
            f"schemas: {', '.join(f'{name} {digest}' for name, digest in data['schemas'].items())}",
            f"extras: {', '.join(data['extras']) or 'none'}",
        ]
    )


def differing(lock: str, installed: Callable[[str], str | None]) -> Iterator[dict[str, str]]:
    """Find the packages that are installed in another version than a lock names for any system.

    Args:
        installed: gives the version of a package, None where it is missing.
    """
    tested: dict[str, list[str]] = {}
    for line in lock.splitlines():
        if not line.startswith(" "):
            name, _equals, rest = line.partition("==")
            tested.setdefault(name, []).append(rest.split()[0])
    for name, versions in tested.items():
        here = installed(name)
        if here is not None and here not in versions:
            yield {"package": name, "installed": here, "tested": ", ".join(versions)}


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _lock() -> str:
    """Read the lock: in the wheel it lies inside the package, in a checkout beside it."""
    folder = Path(wechat_campaigns.__file__).parent
    inside = folder / LOCK
    return (inside if inside.is_file() else folder.parent / LOCK).read_text(encoding="utf-8")
