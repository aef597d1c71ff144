"""What an operator may ask, and what is said to whoever asks otherwise."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from fieldlink.errors import Refused
from fieldlink.models import Model, Utc
from fieldlink.replaying import Choice

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Ask(Model):
    """What every question has; what it does not know it does not overlook."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    action: str


class OfConnection(Ask):
    """A question about one connection."""

    connection: str = Field(min_length=1)


class OfDays(OfConnection):
    """A question about a day, or several."""

    day: date | None = None
    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="to")

    @property
    def span(self) -> tuple[date, date]:
        """The first and the last day."""
        first, last = self.day or self.first, self.day or self.last or self.first
        if not first or not last or (self.day and (self.first or self.last)):
            raise Refused("name a day, or days by from and to")
        if last < first:
            raise Refused("to lies before from")
        return first, last


class Verify(OfDays):
    action: Literal["verify_ledger"]


class Export(OfDays):
    action: Literal["export"]


class Explain(OfConnection):
    action: Literal["explain"]
    record: str
    day: date | None = None
    reference: str = ""


class Erase(OfConnection):
    action: Literal["erase"]
    resource: str
    confirm: str = ""
    after: str = ""
    even_if_active: bool = False


class OfParked(OfConnection):
    """Which parked messages are meant; see `Choice`. What is empty is no filter, and would mean
    them all: whoever names one names something.
    """

    ids: tuple[str, ...] = Field(default=(), min_length=1)
    group: str = Field(default="", min_length=1)
    queue: Literal["", "polls", "changes", "invites", "events", "bursts"] = Field(
        default="", min_length=1
    )
    cause: str = Field(default="", min_length=1)
    since: Utc | None = None
    until: Utc | None = None
    about: str = Field(default="", min_length=1)

    @property
    def choice(self) -> Choice:
        return Choice(**{name: getattr(self, name) for name in Choice._fields})


class Parked(OfParked):
    action: Literal["parked"]


class Replay(OfParked):
    action: Literal["replay"]
    dry_run: bool = True  # until somebody says that it is not


class Redrive(Ask):
    """Of dead letters, which are no connection's."""

    action: Literal["redrive"]
    queue: Literal["Polls", "Changes", "Invites", "Events", "Bursts"]


type Question = Annotated[
    Verify | Explain | Export | Erase | Parked | Replay | Redrive, Field(discriminator="action")
]
ACTIONS = ("verify_ledger", "explain", "export", "erase", "parked", "replay", "redrive")
QUESTIONS: TypeAdapter[Question] = TypeAdapter(Question)


def read(event: Any) -> Question:
    """What is asked. Raises Refused with what is wrong, and nothing of what was sent."""
    try:
        return QUESTIONS.validate_python(event)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        raise Refused("; ".join(map(_problem, wrong))) from None


def _problem(wrong: ErrorDetails) -> str:
    """Where it is, without the name of the question, and what it is."""
    if wrong["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return f"action is one of {', '.join(ACTIONS)}"
    where = ".".join(str(part) for part in wrong["loc"][1:])
    return f"{where}: {wrong['msg']}" if where else wrong["msg"]
