"""The published contract, `openapi.yaml`, as a judge of requests and answers."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

FILE = Path(__file__).with_name("openapi.yaml")
Problems = dict[str, dict[str, list[str]]]


@cache
def contract() -> dict[str, Any]:
    """The whole document, its OpenAPI 3.0 nullables turned into JSON Schema."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(FILE.read_text(), Loader=loader)  # noqa: S506 (safe)
    return _nullable(document)  # type: ignore[no-any-return]


def operation(method: str, path: str) -> dict[str, Any] | None:
    """The operation of a path template, or nothing where the contract has none."""
    found: dict[str, Any] | None = contract()["paths"].get(path, {}).get(method.lower())
    return found


def refuses_with(method: str, path: str, status: int) -> bool:
    """Whether the contract declares this answer."""
    return str(status) in (operation(method, path) or {}).get("responses", {})


def read_query(method: str, path: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The query with its declared types and defaults; what cannot be read stays a string."""
    declared = _parameters(method, path)
    query = {name: s["default"] for name, s in declared.items() if "default" in s}
    return query | {name: _read(text, declared.get(name, {})) for name, text in given.items()}


def request_problems(
    method: str, path: str, query: Mapping[str, Any], body: object
) -> Problems:
    """What a 422 tells: messages by location and field; empty if there is nothing to tell."""
    found: Problems = {}
    for name, schema in _parameters(method, path).items():
        if name in query:
            for error in _errors(query[name], schema):
                found.setdefault("query", {}).setdefault(name, []).append(error.message)
    content = (operation(method, path) or {}).get("requestBody", {}).get("content", {})
    if "application/json" in content:
        for error in _errors(body, content["application/json"]["schema"]):
            found.setdefault("json", {}).setdefault(_field(error), []).append(error.message)
    return found


def answer_problems(method: str, path: str, status: int, body: object) -> list[str]:
    """Where an answer breaks the contract, for operations and statuses that it declares."""
    declared = (operation(method, path) or {}).get("responses", {}).get(str(status), {})
    declared = _follow(declared)
    if "content" not in declared:
        return []
    schema = declared["content"]["application/json"]["schema"]
    return [f"{method} {path} {status}: {error.message}" for error in _errors(body, schema)]


def schema_problems(name: str, value: object) -> list[str]:
    """Where a value differs from a named schema of the contract."""
    return [e.message for e in _errors(value, {"$ref": f"#/components/schemas/{name}"})]


def _errors(value: object, schema: Mapping[str, Any]) -> Iterable[ValidationError]:
    root = {**schema, "components": contract()["components"]}
    return Draft202012Validator(root, format_checker=FormatChecker()).iter_errors(value)


def _field(error: ValidationError) -> str:
    if error.path:
        return str(error.path[0])
    if error.validator == "required":
        required: Any = error.validator_value
        return next(str(n) for n in required if f"{n!r}" in error.message)
    return "_schema"


@cache
def _parameters(method: str, path: str) -> dict[str, dict[str, Any]]:
    every = [_follow(each) for each in (operation(method, path) or {}).get("parameters", [])]
    return {each["name"]: each["schema"] for each in every if each["in"] == "query"}


def _follow(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = contract()
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found  # type: ignore[no-any-return]


def _read(text: str, schema: Mapping[str, Any]) -> object:
    kinds = schema.get("type", [])
    if "boolean" in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if "integer" in kinds and text.removeprefix("-").isdigit():
        return int(text)
    return text


def _nullable(node: Any) -> Any:
    if isinstance(node, list):
        return [_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _nullable(value) for key, value in node.items()}
    return _or_null(copy) if copy.pop("nullable", None) is True else copy


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    for union in ("anyOf", "oneOf"):
        if union in schema:
            schema[union] = [*schema[union], {"type": "null"}]
    return schema
