"""The corpus of hostile files, run by the real command under limits.

A case holds when the command ends by itself with an exit code of its own, within its limits, prints no secret,
starts nothing, connects to nothing, writes nothing outside its folders, and names the hostile file in an error.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hostile.corpus import articles, batch, campaigns, templates
from hostile.corpus.case import Case
from hostile.corpus.pending import PENDING
from hostile.support import CanaryPort, Trap

BATCHES: dict[str, list[Case]] = {
    f"{table}-{name}": cases
    for table, made in (
        ("templates", templates.cases()),
        ("campaigns", campaigns.cases()),
        ("articles", articles.cases()),
    )
    for name, cases in made.items()
}


def parameters(batches: dict[str, list[Case]]) -> list[object]:
    """Make a test of each case; xdist keeps the cases of a batch together."""
    made = []
    for name, cases in batches.items():
        for case in cases:
            key = f"{name}/{case.name}"
            alone = case.alone or key in PENDING
            marks = [pytest.mark.xdist_group(key if alone else f"hostile-{name}")]
            if key in PENDING:
                marks.append(pytest.mark.xfail(reason=PENDING[key], strict=True))
            made.append(pytest.param(name, case, alone, id=key, marks=marks))
    return made


@pytest.fixture(scope="session")
def verdicts() -> dict[str, dict[str, batch.Verdict]]:
    """What is known already, by batch."""
    return {}


@pytest.fixture
def place(tmp_path: Path, port: CanaryPort) -> Callable[[], Trap]:
    """Make a new place for hostile files each time it is called."""
    count = iter(range(1000))
    return lambda: Trap(tmp_path / f"trap{next(count)}", port)


@pytest.mark.parametrize(("name", "case", "alone"), parameters(BATCHES))
def test_hostile_campaign_is_held(
    name: str,
    case: Case,
    alone: bool,
    verdicts: dict[str, dict[str, batch.Verdict]],
    place: Callable[[], Trap],
    record_property: Callable[..., None],
) -> None:
    """Validate and plan it offline."""
    key = f"{name}/{case.name}" if alone else name
    if key not in verdicts:
        others = [one for one in BATCHES[name] if not one.alone and f"{name}/{one.name}" not in PENDING]
        verdicts[key] = batch.judged([case] if alone else others, place, thorough="floods" not in name)
    verdict = verdicts[key][case.name]
    record_property("peak_kib", verdict.peak_kib)
    record_property("seconds", verdict.seconds)
    assert verdict.faults == ()
