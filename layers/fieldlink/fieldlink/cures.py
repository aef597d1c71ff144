"""Rule: what to do about what is parked, by its cause."""

from __future__ import annotations

import re

# What differs from one message to the next, though its cause is the same.
PARTICULARS = re.compile(
    r"""
      [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}    # of devices, geofences, workers
    | \b(?=[A-Za-z]*\d)[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\b   # of Salesforce's rows
    | \b[0-9a-f]{16,}\b                                       # a hash
    | \b[A-Z]{2,4}-\d+\b                                      # numbers of appointments
    | \d[\d.,:+\-TZ]*                                         # times, dates and counts
    """,
    re.VERBOSE,
)
ANY = "…"
# What to do about a cause, by a part of it; the first that fits.
CURES = (
    (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "A picklist value was renamed or is not active. Choose one that is in the connection's"
        " settings, or activate it in Salesforce, then replay.",
    ),
    (
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "A validation rule of the org says no, in the words above. Change the rule or exempt"
        " the connected user, then replay.",
    ),
    (
        "REQUIRED_FIELD_MISSING",
        "The org demands a field that is not filled here. Give it a default, or demand it in"
        " page layouts only, then replay.",
    ),
    (
        "INSUFFICIENT_ACCESS",
        "The connected user may not change this record. Grant it (permission set, sharing, the"
        " parent record), then replay.",
    ),
    (
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "The connected user may not fill a field. Grant it, run the doctor, then replay.",
    ),
    (
        "ENTITY_IS_LOCKED",
        "An approval process locks the record. Replay once it is approved or recalled.",
    ),
    (
        "ENTITY_IS_DELETED",
        "The record was deleted in Salesforce. Undelete it and replay, or leave it.",
    ),
    (
        "NOT_FOUND",
        "The record is gone or not shared with the connected user. Share it and replay, or"
        " leave it.",
    ),
    (
        "INVALID_CROSS_REFERENCE_KEY",
        "A record that is referred to is gone or not shared with the connected user. Share it"
        " and replay, or leave it.",
    ),
    (
        "does not exist or is not shared",
        "The appointment is gone or not shared with the connected user. Share it and replay, or"
        " leave it.",
    ),
    (
        "CANNOT_EXECUTE_FLOW_TRIGGER",
        "A flow of the org failed. Its administrator got a mail with the error: mend the flow,"
        " then replay.",
    ),
    (
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "A trigger of the org failed, in the words above. Mend it, then replay.",
    ),
    (
        "of the state table can't be read",
        "A later version of Fieldlink has written it. Deploy that version again, then replay.",
    ),
    ("DUPLICATES_DETECTED", "A duplicate rule of the org says no. Exempt the connected user."),
    ("STORAGE_LIMIT_EXCEEDED", "The org's storage is full. Make room, then replay."),
    (
        "not assigned",
        "The resource was not assigned any more when its fact was written. Assign it again and"
        " replay, or leave it.",
    ),
    ("given up after", "It did not get through for hours. Replay once the cause is over."),
    (
        "unexpected",
        "A bug of ours: the log's line 'worked off' has the place under 'again'. Tell us.",
    ),
    (
        "may or may not have been sent",
        "Replaying sends the invitation once more. Ask the technician first.",
    ),
    (
        "coordinates",
        "Complete the address in Salesforce: it is taken up by itself when it is geocoded.",
    ),
    ("no longer kept", "It lay here too long. HyperTrack's record is compared every night."),
    (
        "not understood",
        "HyperTrack told something in a new shape. Update this stack, then replay.",
    ),
    ("no such connection", "Its connection is gone: leave it."),
    (
        "HyperTrack answered 401",
        "HyperTrack does not accept the SecretKey: enter the right one, then replay.",
    ),
    ("HyperTrack answered 403", "The HyperTrack account may not do this: ask HyperTrack."),
    (
        "HyperTrack answered",
        "HyperTrack said no, in the words above. Mend it there, then replay.",
    ),
)
NO_HINT = "Mend the cause, then replay."


def plain(cause: str) -> str:
    """A cause without what differs from one message to the next."""
    return PARTICULARS.sub(ANY, cause)


def cure(cause: str) -> str:
    """What to do about it."""
    return next((words for part, words in CURES if part in cause), NO_HINT)
