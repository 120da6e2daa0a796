"""Standard streams that cannot show everything."""

from __future__ import annotations

import io
import json
import sys

import pytest

from runner.cli.streams import hand_out, spare_the_encoding


def test_sign_that_a_terminal_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch):
    """A terminal in GBK has no emoji: it is written as JSON escapes it, and JSON stays JSON."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="gbk"))
    spare_the_encoding()
    hand_out(json.dumps({"content": "🎉 周年庆"}, ensure_ascii=False))
    assert json.loads(raw.getvalue().decode("gbk")) == {"content": "🎉 周年庆"}
