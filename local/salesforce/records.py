"""Create, update, delete and undelete, with the checks and stamps of the platform.

Every write runs in one transaction with what the Field Service package does behind it, as the
acting user. Sources: SOAP guide, "System Fields"; REST guide, "sObject Rows".
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.salesforce import checks
from local.salesforce.errors import Refusal, deleted, not_found
from local.salesforce.field_service import FieldService
from local.salesforce.ids import Ids, normal
from local.salesforce.recycling import RecycleBin
from local.salesforce.rules import Rules
from local.salesforce.schema import SObject
from local.salesforce.store import Row, Store
from local.salesforce.values import stamp


@dataclass(frozen=True)
class Actor:
    """Who writes. `source` is api, person, or package (a trigger running as that user)."""

    user: str
    source: str


@dataclass(frozen=True)
class Write:
    user: str
    source: str
    object: str
    id: str
    operation: str  # insert, update, delete, undelete
    fields: dict[str, Any]
    time: datetime


type Deletion = tuple[str, str, datetime]  # object, id, when


class Records:
    def __init__(
        self,
        store: Store,
        objects: dict[str, SObject],
        clock: Callable[[], datetime],
        rules: Rules,
    ) -> None:
        self.store = store
        self.objects = objects
        self.clock = clock
        self.rules = rules
        self.writes: list[Write] = []
        self.deletions: list[Deletion] = []
        self._ids = Ids()
        self._numbers: Counter[str] = Counter()
        self._bin = RecycleBin(self)
        self._package = FieldService(self)

    def new_id(self, name: str) -> str:
        return self._ids.next(self.objects[name].prefix)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        writes, deletions = len(self.writes), len(self.deletions)
        try:
            with self.store.all_or_nothing():
                yield
        except BaseException:
            del self.writes[writes:]
            del self.deletions[deletions:]
            raise

    def create(
        self, name: str, fields: dict[str, Any], actor: Actor, identifier: str | None = None
    ) -> str:
        with self.all_or_nothing():
            sobject = self.objects[name]
            changes = checks.accepted(self.rules, sobject, fields, actor, creating=True)
            row = self._blank(sobject, identifier or self.new_id(name), actor) | changes
            checks.complete(sobject, row)
            self._settle(sobject, row, None, changes, actor)
            self.note(actor, name, row, "insert", changes)
            self._package.after_insert(name, row, actor)
            return str(row["Id"])

    def update(self, name: str, identifier: str, fields: dict[str, Any], actor: Actor) -> None:
        with self.all_or_nothing():
            sobject = self.objects[name]
            old = self.living(name, identifier, actor)
            changes = checks.accepted(self.rules, sobject, fields, actor, creating=False)
            checks.unlocked(self.rules, old)
            row = old | changes
            checks.complete(sobject, row)
            self.touch(row, actor)
            self._settle(sobject, row, old, changes, actor)
            self.note(actor, name, row, "update", changes)
            self._package.after_update(name, old, row, actor)

    def delete(self, name: str, identifier: str, actor: Actor) -> None:
        with self.all_or_nothing():
            row = self.living(name, identifier, actor)
            if not self.objects[name].deletable:
                raise Refusal("METHOD_NOT_ALLOWED", f"{name} cannot be deleted")
            checks.may_delete(self.rules, name, row, actor)
            self._bin.bury(name, row, actor)
            self._package.after_delete(name, row, actor)

    def undelete(self, name: str, identifier: str, actor: Actor) -> None:
        with self.all_or_nothing():
            row = self.store.get(name, normal(identifier))
            if row is None or not row["IsDeleted"]:
                raise Refusal("UNDELETE_FAILED", "Entity is not in the recycle bin")
            self._bin.raise_up(name, row, actor)

    def purge(self, name: str, identifier: str) -> None:
        """Out of the recycle bin: queryAll no longer shows it."""
        self.store.remove(name, normal(identifier))

    def plant(self, name: str, rows: Iterable[Row], actor: Actor) -> list[str]:
        """Many rows at once, as the columns keep them: past the checks, the package and the
        record of writes."""
        sobject, planted = self.objects[name], []
        blank = self._blank(sobject, "", actor)
        for each in rows:
            row = blank | each | {"Id": self.new_id(name)} | self._numbered(sobject)
            checks.derive(self, name, row, None)
            planted.append(row)
        self.store.put_all(name, planted)
        return [row["Id"] for row in planted]

    def living(self, name: str, identifier: str, actor: Actor) -> Row:
        """The row if the actor may see it and it is not deleted."""
        try:
            row = self.store.get(name, normal(identifier))
        except Refusal:
            raise Refusal(
                "NOT_FOUND",
                f"Provided external ID field does not exist or is not accessible: {identifier}",
            ) from None
        if row is None or (actor.source == "api" and row["Id"] in self.rules.hidden):
            raise not_found()
        if row["IsDeleted"]:
            raise deleted()
        return row

    def as_package(self, name: str, row: Row, changes: Row, actor: Actor) -> None:
        """A trigger's own update: stamped and logged, but past the checks of a caller."""
        new = row | changes
        self.touch(new, actor)
        checks.derive(self, name, new, row)
        self.store.put(name, new)
        self.note(Actor(actor.user, "package"), name, new, "update", changes)

    def create_as_package(self, name: str, fields: Row, actor: Actor) -> str:
        return self.create(name, fields, Actor(actor.user, "package"))

    def delete_as_package(self, name: str, row: Row, actor: Actor) -> None:
        self._bin.bury(name, row, Actor(actor.user, "package"))

    def _settle(
        self, sobject: SObject, row: Row, old: Row | None, changes: Row, actor: Actor
    ) -> None:
        """The checks that need the whole row, the package's before-triggers, and the put."""
        checks.referred(self, sobject, changes, actor)
        checks.refusals(self.rules, sobject.name, row, changes)
        checks.unique(self.store, sobject, row, changes)
        checks.derive(self, sobject.name, row, old)
        self._package.before(sobject.name, old, row, changes)
        self.store.put(sobject.name, row)

    def _blank(self, sobject: SObject, identifier: str, actor: Actor) -> Row:
        now = stamp(self.clock())
        row: Row = {
            each.name: 0 if each.type == "boolean" and each.default is None else each.default
            for each in sobject.fields.values()
            if each.stored
        }
        row |= {"Id": identifier, "IsDeleted": 0, "CreatedDate": now, "CreatedById": actor.user}
        if "OwnerId" in sobject.fields:
            row["OwnerId"] = actor.user
        self.touch(row, actor)
        return row | self._numbered(sobject)

    def _numbered(self, sobject: SObject) -> Row:
        if sobject.autonumber is None:
            return {}
        self._numbers[sobject.name] += 1
        column, pattern = sobject.autonumber
        return {column: pattern.format(self._numbers[sobject.name])}

    def touch(self, row: Row, actor: Actor) -> None:
        now = stamp(self.clock())
        row |= {"LastModifiedDate": now, "LastModifiedById": actor.user, "SystemModstamp": now}

    def note(self, actor: Actor, name: str, row: Row, operation: str, fields: Row) -> None:
        self.writes.append(
            Write(actor.user, actor.source, name, row["Id"], operation, fields, self.clock())
        )
