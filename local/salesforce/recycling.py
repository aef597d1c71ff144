"""The recycle bin: what is deleted together comes back together.

Source: SOAP guide, "delete()", "undelete()".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.salesforce.records import Actor, Records
    from local.salesforce.store import Row


class RecycleBin:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._deleted_with: dict[str, str] = {}

    def bury(self, name: str, row: Row, actor: Actor) -> None:
        self._move(name, row, actor, "delete")
        self._records.deletions.append((name, row["Id"], self._records.clock()))
        for child_name, child in self._children(name, row["Id"], buried=0):
            self._deleted_with[child["Id"]] = row["Id"]
            self.bury(child_name, child, replace(actor, source="package"))

    def raise_up(self, name: str, row: Row, actor: Actor) -> None:
        self._move(name, row, actor, "undelete")
        for child_name, child in self._children(name, row["Id"], buried=1):
            if self._deleted_with.pop(child["Id"], None) == row["Id"]:
                self.raise_up(child_name, child, replace(actor, source="package"))

    def _move(self, name: str, row: Row, actor: Actor, operation: str) -> None:
        self._records.touch(row, actor)
        row["IsDeleted"] = int(operation == "delete")
        self._records.store.put(name, row)
        self._records.note(actor, name, row, operation, {})

    def _children(self, name: str, identifier: str, buried: int) -> Iterator[tuple[str, Row]]:
        for sobject in self._records.objects.values():
            for each in sobject.fields.values():
                if each.cascade and name in each.refers:
                    wanted: Row = {each.name: identifier, "IsDeleted": buried}
                    for row in self._records.store.find(sobject.name, **wanted):
                        yield sobject.name, row
