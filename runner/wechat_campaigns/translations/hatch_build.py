"""Compiles the catalogs while the package is built: gettext reads `.mo`, people write `.po`.

Not in the wheel. Editable installs compile in place, so a clone speaks every language too.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NO_DATE = datetime(2020, 2, 2, tzinfo=UTC)
"""Babel dates a catalog without a date by the clock, so that no two builds would be the same."""


class CatalogHook(BuildHookInterface):  # type: ignore[type-arg]
    """Writes a `.mo` beside every `.po`, and takes it into the wheel although git ignores it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile before files are collected."""
        for source in sorted(
            (Path(self.root) / "runner" / "wechat_campaigns" / "translations").rglob("*.po")
        ):
            compile_catalog(source)
        build_data["artifacts"].append("runner/wechat_campaigns/translations/**/*.mo")


def compile_catalog(source: Path) -> Path:
    """Compile one catalog; fuzzy translations are left out.

    Returns:
        The file written.
    """
    with source.open("rb") as lines:
        catalog = read_po(lines)
    catalog.creation_date = _NO_DATE
    target = source.with_suffix(".mo")
    with target.open("wb") as out:
        write_mo(out, catalog)
    return target
