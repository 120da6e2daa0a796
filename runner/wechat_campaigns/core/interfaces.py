"""The types of a clock and of waiting: pure modules get them as parameters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Returns the present moment as an aware datetime in UTC."""

Sleep = Callable[[float], None]
"""Waits that many seconds."""
