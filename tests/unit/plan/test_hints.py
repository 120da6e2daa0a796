"""What a person is told to run works as it is written."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.plan import hints


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "hint",
    [hints.msg_id_hint, hints.settle_hint, hints.foreign_hint, hints.edited_draft_hint, hints.resend_hint],
)
def test_a_command_of_a_hint_has_what_the_command_requires(
    hint: Callable[[str, str], str], language: str, request: pytest.FixtureRequest
) -> None:
    set_language(language)
    request.addfinalizer(lambda: set_language("en"))
    text = hint("sale", " --env production")
    assert re.search(r"`campaign ledger settle sale --env production[^`]* --reason [^`]+`", text)
    assert "--sent MSG_ID" in text
