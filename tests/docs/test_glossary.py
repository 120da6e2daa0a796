"""docs/glossary.md has every event, status and reason of the code, and no other."""

import re
from collections import Counter

import pytest

from tests.support.source import ROOT
from wechat_campaigns.core.i18n import set_language, status_word
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.plan.plan import PlanReason
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.send.outcome import Result

PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
STATUSES = frozenset({*PlanAction, *Fate, *Result})


def rows(text: str) -> list[tuple[str, str]]:
    found = re.findall(r"^\| (.+?) \| (.+?) \| .+ \|$", text, flags=re.M)
    return [(term, chinese) for term, chinese in found if term != "term"]


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def terms(text: str) -> list[str]:
    return [word for term, _ in rows(text) for word in re.findall("`(.+?)`", term)]


WORDS = {
    "events": frozenset({*EventKind, *LedgerKind}),
    "statuses": STATUSES,
    "reasons": frozenset({*Reason, *PlanReason}),
}


@pytest.mark.parametrize("kind", WORDS)
def test_every_word_is_explained(kind: str) -> None:
    assert not WORDS[kind] - set(terms(PAGE))


def test_a_section_has_only_its_words() -> None:
    """An event that is gone is found although a key has the same name."""
    sections = {
        "Actions, statuses and results": STATUSES,
        "Reasons": WORDS["reasons"],
        "Events of the ledger": WORDS["events"],
    }
    assert all(terms(section(heading)) for heading in sections)
    assert {h: left for h, words in sections.items() if (left := set(terms(section(h))) - words)} == {}


def test_one_word_has_one_row() -> None:
    every = [word.strip("` ") for term, _ in rows(PAGE) for word in term.split(",")]
    assert [word for word, count in Counter(every).items() if count > 1] == []


def test_chinese_is_what_the_program_prints() -> None:
    listed = {
        word: chinese.split("；") for term, chinese in rows(PAGE) for word in re.findall("`(.+?)`", term)
    }
    set_language("zh")
    try:
        assert {
            word: str(status_word(word)) for word in STATUSES if status_word(word) not in listed[word]
        } == {}
    finally:
        set_language("en")
