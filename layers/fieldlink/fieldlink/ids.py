"""Salesforce record ids: 15 characters where case matters, or 18 with a check of the case."""

from __future__ import annotations

import re
from itertools import product
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Any
from urllib.parse import urlsplit

_ID = re.compile(r"[a-zA-Z0-9]{15}([A-Z0-5]{3})?", re.ASCII)
_CAPITALS = str.maketrans(
    ascii_letters + digits, "0" * len(ascii_lowercase) + "1" * len(ascii_uppercase) + "0" * 10
)
# Which of five characters are capitals, the first one as the lowest bit, as one character.
_CHECK = {
    "".join(bits)[::-1]: character
    for bits, character in zip(product("01", repeat=5), f"{ascii_uppercase}012345", strict=True)
}


def salesforce_id(text: Any, prefix: str) -> str:
    """The 18-character form of an id of this kind, or "" if it is none.

    Each of the last three characters holds, as five bits, which letters of five are capitals.
    """
    if not isinstance(text, str) or not _ID.fullmatch(text) or not text.startswith(prefix):
        return ""
    short = text[:15]
    capitals = short.translate(_CAPITALS)
    check = _CHECK[capitals[:5]] + _CHECK[capitals[5:10]] + _CHECK[capitals[10:]]
    return short + check if text in (short, short + check) else ""


def named_in(identity: str) -> tuple[str, str]:
    """The org and the user at the end of an identity address, each "" if it is not there."""
    try:
        path = urlsplit(identity).path
    except ValueError:
        return "", ""
    org, _, user = path.rpartition("/id/")[2].partition("/")
    return salesforce_id(org, "00D"), salesforce_id(user, "005")
