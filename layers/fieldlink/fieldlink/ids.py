"""Salesforce record ids: 15 characters where case matters, or 18 with a check of the case."""

from __future__ import annotations

import re
from typing import Any

_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[a-zA-Z0-9]{15}([A-Z0-5]{3})?", re.ASCII)


def salesforce_id(text: Any, prefix: str) -> str:
    """The 18-character form of an id of this kind, or "" if it is none.

    Each of the last three characters holds, as five bits, which letters of five are capitals.
    """
    if not isinstance(text, str) or not _ID.fullmatch(text) or not text.startswith(prefix):
        return ""
    short = text[:15]
    check = "".join(
        _CHECK[
            sum(
                1 << bit
                for bit, letter in enumerate(short[at : at + 5])
                if "A" <= letter <= "Z"
            )
        ]
        for at in (0, 5, 10)
    )
    return short + check if text in (short, short + check) else ""
