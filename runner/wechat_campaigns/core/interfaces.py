"""The clock and the sleep that every package is given; tests pass their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Returns the present moment as an aware datetime in UTC."""

Sleep = Callable[[float], object]
"""Waits that many seconds."""
