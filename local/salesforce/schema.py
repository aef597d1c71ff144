"""What an object and a field are: enough of the describe result to enforce it.

`access` is written as in the vendor's field tables: C create, U update, F filter. Flags are
plain attributes, so that a broken org can be made by changing them.
"""

from dataclasses import dataclass, field
from typing import Any

COMPOUND = {"address", "location"}


@dataclass
class Field:
    name: str
    type: str = "string"
    access: str = "CUF"
    required: bool = False
    length: int = 255
    digits: int = 18
    scale: int = 2
    values: list[str] = field(default_factory=list)
    inactive: set[str] = field(default_factory=set)  # of the values
    restricted: bool = False
    default: Any = None
    refers: list[str] = field(default_factory=list)
    relationship: str | None = None
    cascade: bool = False
    external_id: bool = False
    unique: bool = False
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def createable(self) -> bool:
        return "C" in self.access

    @property
    def updateable(self) -> bool:
        return "U" in self.access

    @property
    def filterable(self) -> bool:
        return "F" in self.access

    @property
    def stored(self) -> bool:
        return self.type not in COMPOUND

    @property
    def textual(self) -> bool:
        return self.type in {"string", "picklist", "textarea", "email", "phone", "url"}


@dataclass
class SObject:
    name: str
    prefix: str
    label: str
    fields: dict[str, Field]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    autonumber: tuple[str, str] | None = None

    def field(self, name: str) -> Field | None:
        """Field names are case-insensitive everywhere in the API."""
        return self.fields.get(name) or self._folded(name)

    def _folded(self, name: str) -> Field | None:
        wanted = name.casefold()
        return next(
            (each for each in self.fields.values() if each.name.casefold() == wanted), None
        )

    def relationship(self, name: str) -> Field | None:
        wanted = name.casefold()
        return next(
            (
                each
                for each in self.fields.values()
                if each.relationship and each.relationship.casefold() == wanted
            ),
            None,
        )


def ref(
    name: str, access: str, *refers: str, required: bool = False, cascade: bool = False
) -> Field:
    relationship = name.removesuffix("Id") if name.endswith("Id") else None
    return Field(
        name,
        "reference",
        access,
        required=required,
        length=18,
        refers=list(refers),
        relationship=relationship,
        cascade=cascade,
    )


def picklist(name: str, access: str, *values: str, **more: Any) -> Field:
    return Field(name, "picklist", access, values=list(values), **more)


def sobject(
    name: str, prefix: str, label: str, *fields: Field, deletes: bool = True, **more: Any
) -> SObject:
    """An object with the system fields that every one of ours has."""
    system = [
        Field("Id", "id", "F", length=18),
        Field("CreatedDate", "datetime", "F"),
        ref("CreatedById", "F", "User"),
        Field("LastModifiedDate", "datetime", "F"),
        ref("LastModifiedById", "F", "User"),
        Field("SystemModstamp", "datetime", "F"),
    ]
    if deletes:
        system.insert(1, Field("IsDeleted", "boolean", "F"))
    return SObject(
        name, prefix, label, {each.name: each for each in [*system, *fields]}, **more
    )
