"""A message in another language keeps its English, so that what is stored or compared has one language."""

import pickle
from collections.abc import Iterator

import pytest

from tests.support.pseudo_locale import PseudoTranslations, use_translations
from wechat_campaigns.core.i18n import LocalizedMessage, _, english_text, ngettext


@pytest.fixture(autouse=True)
def other_language() -> Iterator[None]:
    with use_translations(PseudoTranslations()):
        yield


def test_a_message_is_translated_and_knows_its_english():
    said = _("a send")
    assert (said, english_text(said)) == ("«a send»", "a send")


def test_filled_templates_are_filled_in_both_languages():
    said = _("{name}: {why}, {count:,} left").format(name="x", why=_("no send"), count=1200)
    assert said == "«x: «no send», 1,200 left»"
    assert english_text(said) == "x: no send, 1,200 left"


@pytest.mark.parametrize(("count", "said"), [(1, "1 send"), (2, "2 sends")])
def test_counts_keep_the_english_form(count: int, said: str):
    assert english_text(ngettext("{n} send", "{n} sends", count).format(n=count)) == said


def test_text_of_a_user_is_its_own_english():
    assert english_text("再等等") == "再等等"


def test_an_empty_message_stays_empty():
    assert _("") == ""


def test_message_can_be_pickled():
    said = pickle.loads(pickle.dumps(_("a send")))
    assert isinstance(said, LocalizedMessage)
    assert (said, said.english) == ("«a send»", "a send")


def test_english_messages_are_plain_strings():
    with use_translations(None):
        assert type(_("a send")) is str
