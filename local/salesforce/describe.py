"""Describe results, as the integration user gets them.

Source: REST guide, "sObject Describe".
"""

from typing import Any

from local.salesforce.rules import Rules
from local.salesforce.schema import Field, SObject

CHILDREN = {("AssignedResource", "ServiceAppointmentId"): "ServiceResources"}


def named(sobject: SObject, rules: Rules, version: str) -> dict[str, Any]:
    """The short form: what the object is, and what may be done with it."""
    writable = sobject.name not in rules.read_only
    url = f"/services/data/{version}/sobjects/{sobject.name}"
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": f"{sobject.label}s",
        "keyPrefix": sobject.prefix,
        "custom": False,
        "queryable": True,
        "retrieveable": True,
        "replicateable": True,
        "createable": sobject.createable and writable,
        "updateable": sobject.updateable and writable,
        "deletable": sobject.deletable and writable,
        "undeletable": sobject.deletable and writable,
        "urls": {
            "sobject": url,
            "describe": f"{url}/describe",
            "rowTemplate": f"{url}/{{ID}}",
        },
    }


def described(
    sobject: SObject, rules: Rules, version: str, objects: dict[str, SObject]
) -> dict[str, Any]:
    visible = [
        each
        for each in sobject.fields.values()
        if f"{sobject.name}.{each.name}" not in rules.no_access
    ]
    fields = [
        _field(each, f"{sobject.name}.{each.name}" in rules.read_only) for each in visible
    ]
    return named(sobject, rules, version) | {
        "fields": fields,
        "childRelationships": _children(sobject, rules, objects),
        "recordTypeInfos": [],
    }


def _children(
    sobject: SObject, rules: Rules, objects: dict[str, SObject]
) -> list[dict[str, Any]]:
    """Which fields of which objects refer to this one, as far as the user may see them."""
    return [
        {
            "cascadeDelete": field.cascade,
            "childSObject": child.name,
            "deprecatedAndHidden": False,
            "field": field.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": _plural(child, field),
            "restrictedDelete": False,
        }
        for child in objects.values()
        for field in child.fields.values()
        if sobject.name in field.refers
        and not {child.name, f"{child.name}.{field.name}"} & rules.no_access
    ]


def _plural(child: SObject, field: Field) -> str | None:
    """How sub-selects would call the children; what only says who wrote has no name."""
    if field.name in {"CreatedById", "LastModifiedById", "OwnerId"}:
        return None
    return CHILDREN.get((child.name, field.name), f"{child.name}s")


def _field(field: Field, read_only: bool) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.name.removesuffix("__c").replace("_", " "),
        "type": field.type,
        "length": field.length if field.textual or field.type in {"id", "reference"} else 0,
        "precision": field.digits if field.type == "double" else 0,
        "scale": field.scale if field.type == "double" else 0,
        "digits": field.digits if field.type == "int" else 0,
        "createable": field.createable and not read_only,
        "updateable": field.updateable and not read_only,
        "filterable": field.filterable and field.stored,
        "sortable": field.filterable and field.stored,
        "nillable": not field.required and field.type not in {"id", "boolean"},
        "defaultedOnCreate": field.default is not None or field.type in {"id", "boolean"},
        "custom": field.name.endswith("__c"),
        "externalId": field.external_id,
        "idLookup": field.external_id or field.name == "Id",
        "unique": field.unique,
        "calculated": False,
        "restrictedPicklist": field.restricted,
        "referenceTo": field.refers,
        "relationshipName": field.relationship,
        "picklistValues": [
            {
                "active": value not in field.inactive,
                "defaultValue": value == field.default,
                "label": value,
                "value": value,
            }
            for value in field.values
        ],
    }
