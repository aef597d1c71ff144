"""A call of the REST API and its answer, apart from HTTP: composites hold many of them."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.salesforce.errors import Refusal
from local.salesforce.records import Actor


@dataclass
class Answer:
    status: int
    body: Any = None  # None: no body at all
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    method: str
    path: str  # below /services/data/vNN.0/, without a slash at either end
    version: str  # "v67.0"
    actor: Actor
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)  # lower-case names
    content: str = ""
    inner: bool = False

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; JSON_PARSER_ERROR if it is none."""
        try:
            found = json.loads(self.content)
        except ValueError as error:
            raise Refusal("JSON_PARSER_ERROR", f"Unexpected input: {error}") from None
        if not isinstance(found, dict):
            raise Refusal("JSON_PARSER_ERROR", "The HTTP entity body must be an object")
        return found

    @property
    def text(self) -> str:
        """Everything that a fault may be matched on beside method and path."""
        return " ".join([*self.query.values(), self.content])

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").casefold() == "true"

    def within(self, method: str, url: str, body: Any, headers: dict[str, str]) -> "Call":
        """A subrequest of this call."""
        parts = urlsplit(url)
        prefix = "/services/data/"
        if not parts.path.startswith(prefix):
            raise Refusal("INVALID_INPUT", f"invalid subrequest url: {url}")
        version, _, path = parts.path.removeprefix(prefix).partition("/")
        return Call(
            method=method.upper(),
            path=unquote(path.strip("/")),
            version=version,
            actor=self.actor,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in headers.items()},
            content="" if body is None else json.dumps(body),
            inner=True,
        )


def refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, [refusal.as_rest()])
