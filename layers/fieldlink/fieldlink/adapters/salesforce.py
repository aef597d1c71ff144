"""Field Service in Salesforce. The names of its objects and fields live only here and beside:
`salesforce_soql` and `salesforce_soql_work` ask, `salesforce_rows` reads, `salesforce_requests`
writes; `salesforce_looks` finds what changed, `salesforce_views` what stands before a write,
`salesforce_graphs` carries it out, `salesforce_finds` and `salesforce_soql_found` see whether
that has been done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.adapters import (
    salesforce_describe,
    salesforce_finds,
    salesforce_graphs,
    salesforce_looks,
    salesforce_requests,
    salesforce_soql_found,
    salesforce_views,
)
from fieldlink.adapters.salesforce_soql import NOTHING_MORE
from fieldlink.errors import FieldlinkError, Refused, sure
from fieldlink.ports import nothing_is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from fieldlink.adapters.salesforce_rest import SalesforceRest
    from fieldlink.adapters.salesforce_soql import Wants
    from fieldlink.models import Described, Look, Place, View, Writes, Written
    from fieldlink.ports import Again, Fingerprints
    from fieldlink.records import Capabilities, PolledRows

NEEDED = ("ServiceAppointment", "AssignedResource", "ServiceResource")
TAKEN = {"DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID"}


class Known(NamedTuple):
    """What an org has said of what we may do there."""

    unreadable: Collection[str] = ()  # fields that are not to be asked for, as Object.Field
    keyed: Collection[str] = ()  # objects that have a field for our key

    @classmethod
    def of(cls, able: Capabilities | None) -> Known:
        return cls(able.unreadable, able.keyed) if able else cls()


class SalesforceOrg:
    """One connection's org."""

    def __init__(
        self,
        rest: SalesforceRest,
        connection: str,
        user: str,
        wants: Wants = NOTHING_MORE,
        ask_known: Callable[[], Known] = Known,
        known: Known | None = None,
    ) -> None:
        """`ask_known`: what is known of the org by now; `known`: what that has just said."""
        self._rest = rest
        self._connection = connection
        self._user = user
        self._wants = wants
        self._ask_known = ask_known
        self._told = known  # until the org describes itself anew

    def missing_objects(self) -> list[str]:
        """The objects of Field Service that this org lacks or this user can't see."""
        return [name for name in NEEDED if not self._described(name)]

    def _described(self, name: str) -> bool:
        try:
            self._rest.call("GET", f"{self._rest.base}/sobjects/{name}/describe")
        except Refused:
            return False
        return True

    def described(self) -> Described:
        """What our user may read and write here."""
        self._told = None
        return salesforce_describe.described(self._rest, self._wants)

    @property
    def _known(self) -> Known:
        if self._told is None:
            self._told = self._ask_known()
        return self._told

    def changes(
        self, since: datetime | None, known: Fingerprints = nothing_is_known
    ) -> PolledRows:
        """Rows touched at or after `since`, deleted ones too; None: all that counts now."""
        return salesforce_looks.changes(since, known, self._looked_at)

    def again(self, appointments: Iterable[str], assignments: Iterable[str]) -> Again:
        """Rows by id; of those that are not shown, which the deletion log names."""
        return salesforce_looks.again([*appointments], [*assignments], self._looked_at)

    @property
    def _looked_at(self) -> salesforce_looks.Org:
        return salesforce_looks.Org(
            self._rest, self._connection, self._known.unreadable, self._wants.shifts
        )

    def view(self, look: Look) -> View:
        """One resource's work on one appointment, with the time sheets around a day."""
        [answer] = self.views([look])
        return sure(answer)

    def views(self, looks: Sequence[Look]) -> list[View | FieldlinkError]:
        """The same for many, in one call."""
        org = salesforce_views.Org(self._rest, self._user, self._known.unreadable, self._wants)
        return salesforce_views.views(looks, org)

    def find(self, writes: Writes) -> Written:
        """Rows of `writes` that are there already, or have been there."""
        [answer] = self.find_all([writes])
        return sure(answer)

    def find_all(self, several: Sequence[Writes]) -> list[Written | FieldlinkError]:
        """The same for many, in one call."""
        return salesforce_finds.find_all(several, self._rest, self._known.keyed, deleted=True)

    def write(self, writes: Writes) -> Written:
        """All or nothing: what is refused leaves nothing behind."""
        [answer] = self.write_all([writes])
        return sure(answer)

    def write_all(self, several: Sequence[Writes]) -> list[Written | FieldlinkError]:
        """The same for many, in few calls; each is carried out, or not, by itself."""
        keyed = self._known.keyed if any(map(_makes_rows, several)) else ()
        org = salesforce_graphs.Org(self._rest, self._wants, keyed)
        answers = salesforce_graphs.write_all(several, org)
        told = enumerate(zip(several, answers, strict=True))
        taken = {at: writes for at, (writes, each) in told if _taken(writes, each, keyed)}
        for at, answer in zip(taken, self._adopted([*taken.values()], org), strict=True):
            answers[at] = answer
        return answers

    def _adopted(
        self, several: Sequence[Writes], org: salesforce_graphs.Org
    ) -> list[Written | FieldlinkError]:
        """Once more, when earlier tries turn out to have made entries: those are changed."""
        try:
            answers = salesforce_finds.find_all(several, self._rest, org.keyed, deleted=False)
        except FieldlinkError as error:
            return [error] * len(several)
        there = {
            at: each for at, each in enumerate(answers) if not isinstance(each, FieldlinkError)
        }
        again = [
            salesforce_soql_found.adopting(several[at], each) for at, each in there.items()
        ]
        done = salesforce_graphs.write_all(again, org)
        for (at, each), answer in zip(there.items(), done, strict=True):
            answers[at] = _with_sheets(answer, each)
        return answers

    def locate(self, resource: str, place: Place, at: datetime) -> None:
        """Show where a resource was last."""
        self._rest.call(
            *salesforce_requests.place_request(resource, place, at, self._rest.base)
        )


def _makes_rows(writes: Writes) -> bool:
    new = any(not each.id for each in writes.entries)
    return bool(writes.told or writes.task or new)


def _taken(writes: Writes, answer: Written | FieldlinkError, keyed: Collection[str]) -> bool:
    """Whether a new entry was refused because there is one with its key."""
    new = "TimeSheetEntry" in keyed and any(not each.id for each in writes.entries)
    return new and isinstance(answer, Refused) and answer.code in TAKEN


def _with_sheets(answer: Written | FieldlinkError, there: Written) -> Written | FieldlinkError:
    if isinstance(answer, FieldlinkError):
        return answer
    return answer.model_copy(update={"sheets": {**there.sheets, **answer.sheets}})
