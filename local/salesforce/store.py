"""The rows of the org, in SQLite in memory: one table per object, one column per field."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from local.salesforce.schema import Field, SObject

Row = dict[str, Any]

AFFINITY = {"double": "REAL", "int": "INTEGER", "boolean": "INTEGER"}


class Store:
    """`visible` decides which ids the integration user may see; SQL calls it as visible(id)."""

    def __init__(self, visible: Callable[[str | None], bool]) -> None:
        self._database = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._database.create_function("visible", 1, visible)
        self._columns: dict[str, list[str]] = {}

    def close(self) -> None:
        self._database.close()

    def add_table(self, sobject: SObject) -> None:
        self._database.execute(f'CREATE TABLE "{sobject.name}" (Id TEXT PRIMARY KEY)')
        self._columns[sobject.name] = ["Id"]
        for field in sobject.fields.values():
            if field.stored and field.name != "Id":
                self.add_column(sobject.name, field)
        if "IsDeleted" not in sobject.fields:
            self.add_column(sobject.name, Field("IsDeleted", "boolean"))

    def add_column(self, table: str, field: Field) -> None:
        kind = AFFINITY.get(field.type, "TEXT")
        collation = "COLLATE NOCASE" if field.textual else ""
        default = "DEFAULT 0" if field.type == "boolean" else ""
        self._database.execute(
            f'ALTER TABLE "{table}" ADD COLUMN "{field.name}" {kind} {collation} {default}'
        )
        self._columns[table].append(field.name)
        if field.type == "reference" or field.name == "SystemModstamp" or field.external_id:
            self._database.execute(
                f'CREATE INDEX "{table}_{field.name}" ON "{table}" ("{field.name}")'
            )

    def put(self, table: str, row: Row) -> None:
        self.put_all(table, [row])

    def put_all(self, table: str, rows: Iterable[Row]) -> None:
        columns = self._columns[table]
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" for _ in columns)
        self._database.executemany(
            f'INSERT OR REPLACE INTO "{table}" ({names}) VALUES ({marks})',
            (
                [row.get(name, 0 if name == "IsDeleted" else None) for name in columns]
                for row in rows
            ),
        )

    def get(self, table: str, identifier: str) -> Row | None:
        found = self.find(table, Id=identifier)
        return found[0] if found else None

    def find(self, table: str, **equal: Any) -> list[Row]:
        columns = self._columns[table]
        names = ", ".join(f'"{name}"' for name in columns)
        where = " AND ".join(f'"{name}" IS ?' for name in equal) or "1"
        sql = f'SELECT {names} FROM "{table}" WHERE {where} ORDER BY Id'
        return [
            dict(zip(columns, values, strict=True))
            for values in self._database.execute(sql, list(equal.values()))
        ]

    def remove(self, table: str, identifier: str) -> None:
        self._database.execute(f'DELETE FROM "{table}" WHERE Id = ?', [identifier])

    def select(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._database.execute(sql, parameters).fetchall()

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo everything inside if it raises. May be nested."""
        self._database.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK TO step")
            raise
        finally:
            self._database.execute("RELEASE step")
