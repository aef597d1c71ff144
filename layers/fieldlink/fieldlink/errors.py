"""Everything that can go wrong, sorted by what the caller should do about it.

* FieldlinkError
  + Unavailable    try again later: the queue does
    - Unclear      as above, but it may already have happened: look before doing it again
    - Contended    two met at one row or record: worth another try within seconds
    - Closed       the org is not to be called for now: what waits for it is set aside
      > Lost       likewise, until somebody reconnects it
  + Refused        somebody must look: it is parked, with the vendor's own words
  + BadSignature   not HyperTrack's: 401
  + Unreadable     signed, but can't be cut into events: 400
  + TooLarge       more than Lambda would have handed us: 413
"""

# Codes of refusals.
NOT_ASSIGNED = "not assigned"  # whose work it was is none of theirs any more
UNREADABLE = "unreadable"  # a later version wrote it, which is perhaps just being deployed


class FieldlinkError(Exception):
    """Anything that this bundle raises on purpose."""


class Unavailable(FieldlinkError):
    """The other side is down, slow or throttling. The same call may work later."""


class Unclear(Unavailable):
    """The call was sent and no answer came: it may or may not have been carried out."""


class Contended(Unavailable):
    """Another transaction, or worker, held the same row. It is likely to work in seconds."""


class Closed(Unavailable):
    """The org is down, or its calls are used up: nobody calls it until a look gets through."""


class Lost(Closed):
    """Salesforce no longer accepts this connection; an operator must reconnect it.

    `end` is the name of the cause, from `ends`.
    """

    def __init__(self, message: str, *, end: str = "") -> None:
        super().__init__(message)
        self.end = end


class Refused(FieldlinkError):
    """The other side understood us and said no. Retrying will not help; a person must look."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class BadSignature(FieldlinkError):
    """The webhook's signature does not match its body."""


class Unreadable(FieldlinkError):
    """The webhook's body can't be cut into events."""


class TooLarge(FieldlinkError):
    """The webhook's body is larger than Lambda would have handed us."""


def must(written: bool) -> None:
    """What follows when a conditional write has lost its race: the queue tries again."""
    if not written:
        raise Contended("another worker changed the same record")


def sure[A](answer: A | FieldlinkError) -> A:
    """The answer. Raises why there is none."""
    if isinstance(answer, FieldlinkError):
        raise answer
    return answer
