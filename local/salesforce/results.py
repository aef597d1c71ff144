"""The rows of a query as the API gives them: parents nested, each with its attributes."""

import json
from typing import Any

from local.salesforce.query import Column, Query, View
from local.salesforce.schema import Field
from local.salesforce.statements import Select
from local.salesforce.store import Store
from local.salesforce.values import wired


class Answers:
    """Runs a SELECT and gives its rows as the API does, parents nested."""

    def __init__(self, store: Store, view: View, version: str) -> None:
        self._store = store
        self._view = view
        self._version = version

    def rows(self, select: Select, every: bool) -> list[dict[str, Any]]:
        query = Query(select, self._view)
        links = dict.fromkeys(
            column.path[:depth]
            for column in query.columns
            for depth in range(len(column.path) + 1)
        )
        selected = [f"{query.paths[path][0]}.Id" for path in links]
        selected += [_expression(column) for column in query.columns]
        found = self._store.select(*query.sql(selected, every))
        return [self._row(query, list(links), values) for values in found]

    def count(self, select: Select, every: bool) -> int:
        sql, parameters = Query(select, self._view).sql(["1"], every)
        return int(self._store.select(f"SELECT count(*) FROM ({sql})", parameters)[0][0])

    def _row(
        self, query: Query, links: list[tuple[str, ...]], values: tuple[Any, ...]
    ) -> dict[str, Any]:
        nested: dict[tuple[str, ...], dict[str, Any] | None] = {}
        for path, identifier in zip(links, values, strict=False):
            sobject = query.paths[path][1]
            nested[path] = identifier and self._attributes(sobject.name, identifier)
        for column, value in zip(query.columns, values[len(links) :], strict=True):
            for depth in range(1, len(column.path) + 1):
                parent = nested[column.path[: depth - 1]]
                if parent is not None:
                    parent[column.path[depth - 1]] = nested[column.path[:depth]]
            holder = nested[column.path]
            if holder is not None:
                holder[column.field.name] = shown(value, column.field)
        return nested[()] or {}

    def _attributes(self, name: str, identifier: str) -> dict[str, Any]:
        url = f"/services/data/{self._version}/sobjects/{name}/{identifier}"
        return {"attributes": {"type": name, "url": url}}


def _expression(column: Column) -> str:
    if column.field.stored:
        return f'{column.alias}."{column.field.name}"'
    parts = ", ".join(
        f"'{key}', {column.alias}.\"{name}\"" for key, name in column.field.parts.items()
    )
    return f"json_object({parts})"


def shown(value: Any, field: Field) -> Any:
    if field.stored:
        return wired(value, field)
    parts = json.loads(value)
    return parts if any(part is not None for part in parts.values()) else None
