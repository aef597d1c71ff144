"""An org for threads that meet: what they ask of it is joined, if there is time for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fieldlink.errors import Unavailable
from fieldlink.ports import Salesforce, SeveralAtOnce
from fieldlink.writing.stages import VIEW, WRITE, Joined, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from fieldlink.models import Described, Look, Place, View, Writes, Written
    from fieldlink.writing.together import Together


class Org(Salesforce, SeveralAtOnce, Protocol):
    """An org that takes one look or several."""


class JoinedOrg(Joined[Org]):
    """Looks, searches and writes of a connection's org."""

    def __init__(
        self, org: Org, together: Together, connection: str, time_left: Callable[[], bool]
    ) -> None:
        super().__init__(org, together)
        self._connection = connection
        self._time_left = time_left

    def view(self, look: Look) -> View:
        """Of no use to whoever has no time left to write: they need not even begin with it."""
        found = self._ask(VIEW, look, self._port.view, self._views)
        self._begin()
        return found

    def write(self, writes: Writes) -> Written:
        return self._ask(WRITE, writes, self._port.write, self._port.write_all)

    def described(self) -> Described:
        """What many ask for because of the same refusal is asked for once."""
        org = self._port
        return self._ask(
            "described",
            None,
            lambda _: org.described(),
            lambda all_: [org.described()] * len(all_),
        )

    def find(self, writes: Writes) -> Written:
        return self._ask("find", writes, self._port.find, self._port.find_all)

    def locate(self, resource: str, place: Place, at: datetime) -> None:
        self._begin()
        self._port.locate(resource, place, at)

    def _views(self, looks: list[Look]) -> list[View | Exception]:
        """Two devices may tell of the same work."""
        different = list(dict.fromkeys(looks))
        found = dict(zip(different, self._port.views(different), strict=True))
        return [found[each] for each in looks]

    def _ask[Q, A](
        self,
        what: str,
        request: Q,
        one: Callable[[Q], A],
        many: Callable[[list[Q]], Sequence[A | Exception]],
    ) -> A:
        """While they waited for others, time may have run out."""

        def timely[X, Y](call: Callable[[X], Y]) -> Callable[[X], Y]:
            def called(asked: X) -> Y:
                self._begin()
                return call(asked)

            return called

        self._begin()
        kind = what, self._connection
        return self._together.ask(kind, request, timely(one), timely(many), stage(what))

    def _begin(self) -> None:
        if not self._time_left():
            raise Unavailable("no time is left for another call")
