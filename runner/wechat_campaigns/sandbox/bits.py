"""Sets of followers as bitmaps: a follower's number in its account is a bit, a set is a Python int.

Twenty thousand followers are 2.5 KB, so a thousand sends keep their whole audience in a few MB.
"""

from __future__ import annotations

from collections.abc import Iterable


def from_members(numbers: Iterable[int]) -> int:
    """Make the set of these follower numbers.

    Args:
        numbers: follower numbers from 0, in any order.

    Returns:
        The set, bit n standing for follower n.
    """
    buffer = bytearray()
    for number in numbers:
        byte, bit = divmod(number, 8)
        if byte >= len(buffer):
            buffer.extend(bytes(byte + 1 - len(buffer)))
        buffer[byte] |= 1 << bit
    return from_blob(buffer)


def to_members(bits: int) -> list[int]:
    """List the follower numbers of a set, ascending."""
    return [number for number, digit in enumerate(reversed(f"{bits:b}")) if digit == "1"]


def from_blob(blob: bytes | bytearray) -> int:
    """Read a set as the store keeps it: little-endian bytes."""
    return int.from_bytes(blob, "little")


def to_blob(bits: int) -> bytes:
    """Write a set as the store keeps it."""
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def over(sets: Iterable[int], times: int) -> int:
    """Find who is a member of at least `times` of the sets.

    Args:
        sets: any number of sets.
        times: at least 1.

    Returns:
        The set of those followers.
    """
    reached = [0] * times
    for members in sets:
        for level in range(times - 1, 0, -1):
            reached[level] |= reached[level - 1] & members
        reached[0] |= members
    return reached[-1]
