"""A message in another language keeps its English, so that what is stored or compared has one language."""

from __future__ import annotations

import pickle
from gettext import NullTranslations

import pytest

from runner import words
from runner.words import Said, _, english, ngettext


class Shouting(NullTranslations):
    """A language that every message can be said in."""

    def gettext(self, message: str) -> str:
        return f"«{message.replace('send', 'SEND')}»"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(many)


@pytest.fixture(autouse=True)
def shouting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "_spoken", Shouting())


def test_a_message_is_translated_and_knows_its_english():
    said = _("a send")
    assert (said, english(said)) == ("«a SEND»", "a send")


def test_filled_templates_are_filled_in_both_languages():
    """A message inside another is English inside the English one."""
    said = _("{name}: {why}, {count:,} left").format(name="x", why=_("no send"), count=1200)
    assert said == "«x: «no SEND», 1,200 left»"
    assert english(said) == "x: no send, 1,200 left"


def test_counts_keep_the_english_form():
    assert english(ngettext("{n} send", "{n} sends", 1).format(n=1)) == "1 send"
    assert english(ngettext("{n} send", "{n} sends", 2).format(n=2)) == "2 sends"


def test_words_of_people_are_their_own_english():
    assert english("再等等") == "再等等"


def test_an_empty_message_stays_empty():
    """gettext answers the empty text with the catalog's header."""
    assert _("") == ""


def test_a_message_crosses_to_another_process():
    said = pickle.loads(pickle.dumps(_("a send")))
    assert isinstance(said, Said)
    assert (said, said.english) == ("«a SEND»", "a send")


def test_english_costs_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "_spoken", None)
    assert type(_("a send")) is str
