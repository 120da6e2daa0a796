"""Sets of followers as bitmaps: a follower's number in its account is a bit, a set is a Python int.

Twenty thousand followers are 2.5 KB, so a thousand sends keep their whole audience in a few MB.
"""

from collections.abc import Iterable


def from_numbers(numbers: Iterable[int]) -> int:
    """Make the set of these follower numbers, bit n standing for follower n."""
    buffer = bytearray()
    for number in numbers:
        byte, bit = divmod(number, 8)
        if byte >= len(buffer):
            buffer.extend(bytes(byte + 1 - len(buffer)))
        buffer[byte] |= 1 << bit
    return from_blob(buffer)


def to_numbers(bitmap: int) -> list[int]:
    """List the follower numbers of a set, ascending."""
    return [number for number, digit in enumerate(reversed(f"{bitmap:b}")) if digit == "1"]


def from_blob(blob: bytes | bytearray) -> int:
    """Read a set as the store keeps it: little-endian bytes."""
    return int.from_bytes(blob, "little")


def to_blob(bitmap: int) -> bytes:
    """Write a set as the store keeps it."""
    return bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "little")


def blob_contains(blob: bytes, number: int) -> bool:
    """Return whether a stored set has a follower in it."""
    byte, bit = divmod(number, 8)
    return byte < len(blob) and bool(blob[byte] >> bit & 1)


def in_at_least(sets: Iterable[int], times: int) -> int:
    """Find the followers who are in at least `times` of the sets."""
    reached = [0] * times
    for members in sets:
        for level in range(times - 1, 0, -1):
            reached[level] |= reached[level - 1] & members
        reached[0] |= members
    return reached[-1]
