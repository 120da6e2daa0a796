"""What is looked for in any text, whoever wrote it: openids."""

from __future__ import annotations

import re
from typing import Final

OPENID: Final = re.compile(r"(?<![\w-])o[A-Za-z0-9_-]{27}(?![\w-])", re.ASCII)
"""An openid: 28 characters of base64url that begin with an o."""


def openid_line(text: str) -> int | None:
    """Return the line, from 1, of the first openid in a text; None without any."""
    found = OPENID.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1
