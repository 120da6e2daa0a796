"""Cases that do not hold yet, by test id, and who mends them; one that holds fails until it is taken out."""

from typing import Final

PENDING: Final[dict[str, str]] = {}
