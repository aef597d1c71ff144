"""Rule: what goes wrong with one thing must not keep the others waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from fieldlink.errors import FieldlinkError, Refused, Unavailable

if TYPE_CHECKING:
    from types import TracebackType

MOST_UNAVAILABLE = 2  # HyperTrack is down by then, and each call takes its full time


class Troubles:
    """What went wrong so far; entered once for each thing to be done."""

    def __init__(self) -> None:
        self._refusals: list[Refused] = []
        self._unavailable: list[Unavailable] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> bool:
        """Go on after a refusal, and once after an answer that did not come."""
        if isinstance(error, Refused):
            self._refusals.append(error)
            return True
        if isinstance(error, Unavailable):
            self._unavailable.append(error)
            return len(self._unavailable) < MOST_UNAVAILABLE
        return False

    def tell(self) -> None:
        """What may work later first: what was refused will be refused again."""
        errors: list[FieldlinkError] = [*self._unavailable, *self._refusals]
        if errors:
            raise errors[0]
