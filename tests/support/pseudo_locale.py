"""A language for tests in which every message can be said: «so», whatever the catalog holds by now."""

from collections.abc import Iterator
from contextlib import contextmanager
from gettext import NullTranslations

import pytest

from wechat_campaigns.core import i18n


class PseudoTranslations(NullTranslations):
    """Says each message between guillemets, its placeholders as they are."""

    def gettext(self, message: str) -> str:
        return f"«{message}»"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return f"«{many}»"


@contextmanager
def use_translations(translations: NullTranslations | None) -> Iterator[None]:
    """Speak a language for a while; None is English."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(i18n, "_spoken", translations)
        yield
