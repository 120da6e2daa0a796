"""The corpus of hostile files, run by the real command under limits.

A case holds when the command ends by itself with an exit code of its own, within its limits, prints no
secret, starts nothing, connects to nothing, writes nothing outside its folders, and names the hostile file.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.corpus import articles, batch, campaigns, checkouts, inputs, settings, templates
from tests.hostile.corpus.case import Case, text
from tests.hostile.trap import CanaryPort, Trap

pytestmark = pytest.mark.deep

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
            group = key if case.alone and name != "environments" else f"hostile-{name}"
            made.append(pytest.param(name, case, case.alone, id=key, marks=pytest.mark.xdist_group(group)))
    return made


@pytest.fixture(scope="session")
def verdicts() -> dict[str, dict[str, batch.Faults]]:
    return {}


@pytest.fixture
def place(tmp_path: Path, port: CanaryPort) -> Callable[[], Trap]:
    count = iter(range(1000))
    return lambda: Trap(tmp_path / f"trap{next(count)}", port)


@pytest.mark.parametrize(("name", "case", "alone"), parameters(BATCHES))
def test_hostile_campaign_is_held(
    name: str,
    case: Case,
    alone: bool,
    verdicts: dict[str, dict[str, batch.Faults]],
    place: Callable[[], Trap],
) -> None:
    key = f"{name}/{case.name}" if alone else name
    if key not in verdicts:
        others = [one for one in BATCHES[name] if not one.alone]
        verdicts[key] = batch.judged([case] if alone else others, place, thorough="floods" not in name)
    assert verdicts[key][case.name] == ()


@pytest.mark.parametrize(
    ("name", "case", "alone"),
    [
        *parameters({"settings": settings.whole()}),
        *parameters({"checkouts": checkouts.cases()}),
        *parameters({"inputs": inputs.cases()}),
    ],
)
def test_hostile_checkout_is_held(name: str, case: Case, alone: bool, place: Callable[[], Trap]) -> None:
    assert_held(case, place())


def assert_held(case: Case, trap: Trap) -> None:
    """Run the command of one case, and say what it must not have done."""
    batch.lay(case, trap)
    # Where the folder of campaigns is a link, the file would be written to wherever that leads.
    if not trap.campaigns.is_symlink() and not os.path.lexists(trap.campaigns / "_settings.yaml"):
        trap.write("campaigns/_settings.yaml", batch.SETTINGS)
    args = tuple(trap.filled(arg) for arg in case.args) or ("plan", "--offline", "--format", "json")
    run = trap.run(*args, command=[str(Path(sys.executable).with_name("campaign"))], environ=case.environ)
    assert run.faults == ()


@pytest.fixture(scope="session")
def refused(port: CanaryPort, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bool]:
    """Return which hostile environments `validate` refuses, all of them in one settings file."""
    trap = Trap(tmp_path_factory.mktemp("environments") / "trap", port)
    every = settings.environments()
    trap.write("campaigns/_settings.yaml", settings.settings_of(every, next(iter(every))))
    trap.write("campaigns/a.yaml", text("a"))
    run = trap.run("validate", "--format", "json")
    assert run.faults == ()
    paths = [problem["path"] for problem in run.json()["problems"] if problem["level"] == "error"]
    return lambda name: any(re.search(rf"environments\W+{re.escape(name)}(?![-\w])", path) for path in paths)


@pytest.mark.parametrize(("name", "case", "alone"), parameters({"environments": settings.cases()}))
def test_hostile_environment_is_held(
    name: str,
    case: Case,
    alone: bool,
    place: Callable[[], Trap],
    refused: Callable[[str], bool],
) -> None:
    if not refused(case.name):
        assert_held(case, place())
