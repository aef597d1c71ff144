"""Salesforce ids: 15 case-sensitive characters, and 3 more that make them case-safe.

Source: SOAP API Developer Guide, "ID Field Type". The prefixes of User, Organization, Event,
Task, WorkOrder, WorkOrderLineItem and the three Field Service objects are the vendor's; those
of the time sheets, shifts, crews and settings are ours.
"""

import re
from collections import Counter
from functools import cache

from local.salesforce.errors import Refusal

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
INSTANCE = "Kx00000"
SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


def checked(short: str) -> str:
    """The 18-character form: each added letter encodes the capitals of five characters."""
    return short + _letter(short[:5]) + _letter(short[5:10]) + _letter(short[10:])


@cache
def _letter(chunk: str) -> str:
    return ALPHABET[sum(1 << at for at, letter in enumerate(chunk) if letter.isupper())]


def normal(identifier: str) -> str:
    """The 18-character form of a 15- or 18-character id; MALFORMED_ID for anything else."""
    if not SHAPE.fullmatch(identifier):
        raise Refusal("MALFORMED_ID", f"malformed id {identifier}")
    full = checked(identifier[:15])
    if len(identifier) == 18 and full != identifier:
        raise Refusal("MALFORMED_ID", f"malformed id {identifier}")
    return full


def numbered(prefix: str, number: int) -> str:
    tail = ""
    for _ in range(15 - len(prefix) - len(INSTANCE)):
        number, digit = divmod(number, len(DIGITS))
        tail = DIGITS[digit] + tail
    return checked(prefix + INSTANCE + tail)


class Ids:
    """Gives out ids in order, one row of numbers per prefix."""

    def __init__(self) -> None:
        self._last: Counter[str] = Counter()

    def next(self, prefix: str) -> str:
        self._last[prefix] += 1
        return numbered(prefix, self._last[prefix])
