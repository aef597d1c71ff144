"""SOQL against the store: names are checked against the schema, conditions become SQL.

SOQL's logic has two values where SQL's has three: a comparison with null is false, and its
opposite true. So what stands below a NOT is made 0 or 1; elsewhere null is as good as 0, and
SQLite may use an index.
"""

from dataclasses import dataclass
from typing import Any

from local.salesforce.errors import Refusal, unsupported_type
from local.salesforce.literals import bound, pattern
from local.salesforce.schema import Field, SObject
from local.salesforce.statements import Comparison, Condition, Joined, Literal, Not, Select

OFFSET_MOST = 2000
DEEPEST = 5  # relationships up from the queried object


@dataclass
class View:
    """Which objects and fields the asking user can see."""

    objects: dict[str, SObject]
    hidden: set[str]

    def sobject(self, name: str) -> SObject:
        found = next(
            (each for each in self.objects.values() if each.name.casefold() == name.casefold()),
            None,
        )
        if found is None or found.name in self.hidden:
            raise unsupported_type(name)
        return found

    def field(self, sobject: SObject, name: str) -> Field | None:
        field = sobject.field(name)
        return field if field and f"{sobject.name}.{field.name}" not in self.hidden else None


@dataclass(frozen=True)
class Column:
    path: tuple[str, ...]  # relationship names from the queried object, as the schema spells
    field: Field
    alias: str
    sobject: SObject


class Query:
    """One SELECT on its way to SQL. `paths` gives each joined parent its alias."""

    def __init__(self, select: Select, view: View, alias: str = "t") -> None:
        self._select = select
        self._view = view
        self._alias = alias
        self._joins: list[str] = []
        self._parameters: list[Any] = []
        self.sobject = view.sobject(select.table)
        self.paths: dict[tuple[str, ...], tuple[str, SObject]] = {(): (alias, self.sobject)}
        self.columns = [self._column(name) for name in select.fields]

    def sql(self, selected: list[str], every: bool) -> tuple[str, list[Any]]:
        """The statement and its parameters; `every` lets deleted rows through (queryAll)."""
        where = [f"visible({self._alias}.Id)"]
        if not every:
            where.append(f"{self._alias}.IsDeleted = 0")
        if self._select.where:
            where.append(self._condition(self._select.where))
        order = self._order()
        return (
            f'SELECT {", ".join(selected)} FROM "{self.sobject.name}" {self._alias} '
            f"{' '.join(self._joins)} WHERE {' AND '.join(where)} {order} {self._window()}",
            self._parameters,
        )

    def _order(self) -> str:
        terms = [
            f"{self._sortable(order.field)} {'DESC' if order.descending else 'ASC'} "
            f"NULLS {'LAST' if order.nulls_last else 'FIRST'}"
            for order in self._select.order
        ]
        return f"ORDER BY {', '.join(terms)}" if terms else ""

    def _window(self) -> str:
        if self._select.offset > OFFSET_MOST:
            raise Refusal("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
        limit = -1 if self._select.limit is None else self._select.limit
        return f"LIMIT {limit} OFFSET {self._select.offset}"

    def _column(self, name: str) -> Column:
        *steps, last = name.split(".")
        if len(steps) > DEEPEST:
            raise Refusal("INVALID_FIELD", f"too many relationship levels in '{name}'")
        path: tuple[str, ...] = ()
        for step in steps:
            path = self._step(path, step)
        alias, sobject = self.paths[path]
        field = self._view.field(sobject, last)
        if field is None:
            raise Refusal(
                "INVALID_FIELD",
                f"No such column '{last}' on entity '{sobject.name}'. If you are attempting to "
                "use a custom field, be sure to append the '__c' after the custom field name. "
                "Please reference your WSDL or the describe call for the appropriate names.",
            )
        return Column(path, field, alias, sobject)

    def _step(self, path: tuple[str, ...], name: str) -> tuple[str, ...]:
        """One relationship up: joins the parent where it is not joined yet."""
        alias, sobject = self.paths[path]
        link, target = self._linked(sobject, name)
        longer = (*path, link.relationship or "")
        if longer not in self.paths:
            joined = f"{self._alias}{len(self.paths)}"
            self.paths[longer] = (joined, target)
            self._joins.append(
                f'LEFT JOIN "{target.name}" {joined} ON {joined}.Id = {alias}."{link.name}" '
                f"AND visible({joined}.Id)"
            )
        return longer

    def _linked(self, sobject: SObject, name: str) -> tuple[Field, SObject]:
        """The reference of that relationship and its object; one of several objects is none."""
        link = sobject.relationship(name)
        target = (
            self._view.objects.get(link.refers[0]) if link and len(link.refers) == 1 else None
        )
        if link is None or target is None or target.name in self._view.hidden:
            raise Refusal(
                "INVALID_FIELD",
                f"Didn't understand relationship '{name}' in field path. If you are attempting "
                "to use a custom relationship, be sure to append the '__r' after the custom "
                "relationship name.",
            )
        return link, target

    def _sortable(self, name: str) -> str:
        column = self._column(name)
        if not column.field.stored or not column.field.filterable:
            raise Refusal(
                "INVALID_FIELD",
                f"field '{column.field.name}' can not be sorted in a query call",
            )
        return f'{column.alias}."{column.field.name}"'

    def _condition(self, condition: Condition) -> str:
        match condition:
            case Not(inner):
                return f"NOT ifnull({self._condition(inner)}, 0)"
            case Joined(word, parts):
                return "(" + f" {word} ".join(self._condition(part) for part in parts) + ")"
            case Comparison():
                return self._comparison(condition)

    def _comparison(self, comparison: Comparison) -> str:
        column = self._column(comparison.field)
        field = column.field
        if not field.filterable or not field.stored:
            raise Refusal(
                "INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call"
            )
        left = f'{column.alias}."{field.name}"'
        match comparison.value:
            case Literal() as literal:
                return self._compared(left, comparison.operator, literal, field)
            case Select() as select:
                return self._in_select(left, comparison.operator, select)
            case literals:
                return self._in_list(left, comparison.operator, literals, field)

    def _compared(self, left: str, operator: str, literal: Literal, field: Field) -> str:
        if operator == "like":
            return self._like(left, literal, field)
        self._parameters.append(bound(literal, field))
        if operator == "=":
            return f"({left} IS ?)"
        return f"({left} IS NOT ?)" if operator == "!=" else f"({left} {operator} ?)"

    def _like(self, left: str, literal: Literal, field: Field) -> str:
        self._parameters.append(pattern(literal, field))
        return f"({left} LIKE ? ESCAPE '\\')"

    def _in_list(
        self, left: str, operator: str, literals: tuple[Literal, ...], field: Field
    ) -> str:
        values = [bound(literal, field) for literal in literals]
        self._parameters += (value for value in values if value is not None)
        marks = ", ".join("?" for value in values if value is not None)
        inside = f"{left} IN ({marks})"
        if None in values:
            inside = f"({inside} OR {left} IS NULL)"
        return inside if operator == "in" else f"NOT ifnull({inside}, 0)"

    def _in_select(self, left: str, operator: str, select: Select) -> str:
        inner = Query(select, self._view, f"{self._alias}s{len(self._parameters)}x")
        if len(inner.columns) != 1 or inner.columns[0].path:
            raise Refusal("MALFORMED_QUERY", "semi join sub-selects must query one field")
        column = inner.columns[0]
        sql, parameters = inner.sql([f'{column.alias}."{column.field.name}"'], every=False)
        self._parameters += parameters
        inside = f"{left} IN ({sql})"
        return inside if operator == "in" else f"NOT ifnull({inside}, 0)"
