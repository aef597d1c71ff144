"""The refusals of the REST API: an error code, its HTTP status and the vendor's wording.

Source: REST API Developer Guide, "Status Codes and Error Responses", and the observed wording
of an org. Where only the code is documented, the wording is ours.
"""

from collections.abc import Sequence
from typing import Any

# What closes the whole API, to the org, to the user or to the app.
CLOSED = {
    "API_DISABLED_FOR_ORG": "The REST API is not enabled for this Organization.",
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": "The client is not accessible for this user",
    "FUNCTIONALITY_NOT_ENABLED": "The requested functionality is not currently enabled",
    "ORG_LOCKED": "This organization is locked",
    "TRIAL_EXPIRED": "The trial of this organization has expired",
    "UNSUPPORTED_API_VERSION": "This version of the API is not supported",
}
STATUS = {
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": 400,
    "ENTITY_IS_DELETED": 404,
    "GONE": 410,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": 403,
    "INVALID_SESSION_ID": 401,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_FOUND": 404,
    "PRECONDITION_FAILED": 412,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "API_DISABLED_FOR_ORG": 403,
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": 403,
    "FUNCTIONALITY_NOT_ENABLED": 403,
    "ORG_LOCKED": 403,
    "TRIAL_EXPIRED": 403,
    "UNSUPPORTED_API_VERSION": 404,
    "SERVER_UNAVAILABLE": 503,
    "UNKNOWN_EXCEPTION": 500,
    "URI_TOO_LONG": 414,
}


class Refusal(Exception):
    """Salesforce understood the call and said no."""

    def __init__(
        self, code: str, message: str, fields: Sequence[str] = (), status: int | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = list(fields)
        self.status = status or STATUS.get(code, 400)

    def as_rest(self) -> dict[str, Any]:
        """One element of the array that the sObject resources answer with."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        return error | {"fields": self.fields} if self.fields else error

    def as_item(self) -> dict[str, Any]:
        """One error of an sObject Collections item, which says statusCode where REST says
        errorCode."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields}


def not_found() -> Refusal:
    return Refusal("NOT_FOUND", "The requested resource does not exist")


def no_such_column(object_name: str, field: str) -> Refusal:
    return Refusal(
        "INVALID_FIELD", f"No such column '{field}' on sobject of type {object_name}"
    )


def unsupported_type(object_name: str) -> Refusal:
    return Refusal(
        "INVALID_TYPE",
        f"sObject type '{object_name}' is not supported. If you are attempting to use a custom "
        "object, be sure to append the '__c' after the entity name. Please reference your WSDL "
        "or the describe call for the appropriate names.",
    )


def read_only(fields: Sequence[str]) -> Refusal:
    return Refusal(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {', '.join(fields)}. Please check the security "
        "settings of this field and verify that it is read/write for your profile or "
        "permission set.",
        fields,
    )


def closed(code: str) -> Refusal:
    return Refusal(code, CLOSED[code])


def deleted() -> Refusal:
    return Refusal("ENTITY_IS_DELETED", "entity is deleted")
