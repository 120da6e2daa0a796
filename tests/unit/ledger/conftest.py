"""Each backend by its name."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.ledger_backends import Backend, git_backend, postgres_backend, sqlite_backend


@pytest.fixture(
    params=["sqlite", "git", pytest.param("postgres", marks=pytest.mark.optional_part)],
)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Each of the three, empty."""
    makers: dict[str, Callable[[Path], Backend]] = {
        "sqlite": sqlite_backend,
        "git": git_backend,
        "postgres": lambda folder: postgres_backend(
            folder, request.getfixturevalue("server"), f"s{uuid.uuid4().hex}"
        ),
    }
    made = makers[request.param](tmp_path)
    yield made
    made.close()
