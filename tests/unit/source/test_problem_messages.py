"""Every problem of a broken file is a whole sentence of the catalog: no word beside it, none glued on."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.folder import load_campaigns
from wechat_campaigns.core import i18n
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import InvalidError
from wechat_campaigns.source.settings import load_settings

CASES = Path(__file__).parents[2]


class Marking:
    """A language in which every sentence stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return f"⟦{one if count == 1 else many}⟧"


@pytest.fixture(autouse=True)
def marking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_spoken", Marking())


def is_whole(text: str) -> bool:
    depth = 0
    for place, character in enumerate(text, 1):
        depth += {"⟦": 1, "⟧": -1}.get(character, 0)
        if depth == 0 and place < len(text):
            return False
    return bool(text) and depth == 0


def of_campaigns(folder: Path) -> Iterator[Diagnostic]:
    for case in (CASES / "campaigns" / "invalid").glob("*.yaml"):
        shutil.copy(case, folder)
    yield from load_campaigns(folder).problems


def of_settings(folder: Path) -> Iterator[Diagnostic]:
    for case in (CASES / "settings" / "invalid").glob("*.yaml"):
        shutil.copy(case, folder / "_settings.yaml")
        with pytest.raises(InvalidError) as caught:
            load_settings(folder)
        yield from caught.value.problems


@pytest.mark.parametrize(("problems", "rules"), [(of_campaigns, 35), (of_settings, 20)])
def test_messages_and_hints_of_problems_are_whole_sentences(
    problems: Callable[[Path], Iterator[Diagnostic]], rules: int, tmp_path: Path
) -> None:
    found = list(problems(tmp_path))
    assert [text for problem in found for text in (problem.message, problem.hint) if not is_whole(text)] == []
    assert len({problem.rule for problem in found}) >= rules


def test_cached_text_reports_its_faults_in_the_current_language(monkeypatch: pytest.MonkeyPatch) -> None:
    from wechat_campaigns.core.diagnostics import Finding
    from wechat_campaigns.source.strict_yaml import compose

    first = compose("")
    monkeypatch.setattr(i18n, "_spoken", None)
    second = compose("")
    assert isinstance(first, Finding)
    assert isinstance(second, Finding)
    assert first.message == f"⟦{second.message}⟧"
