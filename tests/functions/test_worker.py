"""The loop of the workers, on any work. How SQS goes about groups is for the journeys."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from fieldlink.adapters.sqs import SqsOutbox
from fieldlink.errors import Closed, Contended, Lost, Refused, Unavailable
from fieldlink.records import Connection, Held, Parked
from fieldlink.wiring import Services
from fieldlink.worker import Context, Work, work_off
from tests.adapters.scripted import Answer, Script, scripted
from tests.fakes import Killed
from tests.functions.calls import CONTEXT, batch

ARRIVED = datetime(2026, 3, 4, 9, tzinfo=UTC)
SECRET_TEXT = "what a vendor answered about Rosa"


def latest() -> float:
    """No jitter: the whole of each wait."""
    return 1


@dataclass
class Hands:
    """Does what it is told for each body, and keeps what it was given."""

    errors: dict[str, Exception] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    noted: list[tuple[str, str]] = field(default_factory=list)
    killed: str = ""  # the body at which the worker is stopped

    def take(self, body: str) -> str:
        self.taken.append(body)
        if body == self.killed:
            raise Killed(body)
        if body in self.errors:
            raise self.errors[body]
        return "done"

    def note(self, body: str, cause: str) -> None:
        self.noted.append((body, cause))


def worked(
    hands: Hands,
    event: dict[str, Any],
    replay: Callable[[str, str], str] = lambda _body, _cause: "",
    context: Context = CONTEXT,
    *,
    holds: bool = False,
) -> tuple[list[str], dict[str, int]]:
    """The messages that come again, and how long each is put off, in seconds."""
    with scripted(Answer(200, b"")) as script:
        outbox = SqsOutbox(script.aws, "queue")
        arrived = (lambda _: ARRIVED) if holds else None
        work = Work(
            "events", outbox, lambda _: "c", hands.take, hands.note, replay, arrived, latest
        )
        answer = work_off(event, work, context)
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]], _waits(script)


def _waits(script: Script) -> dict[str, int]:
    asked = [entry for each in script.asked for entry in each.json["Entries"]]
    return {each["ReceiptHandle"]: each["VisibilityTimeout"] for each in asked}


def test_a_message_that_fails_puts_off_those_behind_it_and_no_other_group(
    bundle: Services,
) -> None:
    hands = Hands({"b": Unavailable("down")})
    groups = ["one", "two", "one", "two", "one"]

    again, waits = worked(hands, batch("a", "b", "c", "d", "e", groups=groups))

    assert hands.taken == ["a", "b", "c", "e"]
    assert again == ["message-1", "message-3"]
    assert waits == {"receipt-1": 5, "receipt-3": 5}
    assert bundle.state.all_of(Parked, "c") == []


class Clock:
    """Lambda's clock, which shows each of these at a look."""

    def __init__(self, *left: int) -> None:
        self.left = list(left)

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0)


@pytest.mark.parametrize(("tries", "wait"), [(1, 5), (3, 20)])
def test_what_there_is_no_time_left_for_goes_back_at_once_in_every_group(
    bundle: Services, tries: int, wait: int
) -> None:
    assert bundle
    hands, groups = Hands(), ["one", "two", "one", "three"]
    event = batch("a", "b", "c", "d", groups=groups, tries=tries)

    again, waits = worked(hands, event, context=Clock(50_000, 49_999, 49_000))

    assert hands.taken == ["a", "b"]
    assert again == ["message-2", "message-3"]
    assert waits == {"receipt-2": wait, "receipt-3": wait}


def test_the_first_message_of_a_batch_is_done_however_little_time_there_is(
    bundle: Services,
) -> None:
    assert bundle
    hands = Hands()

    again, _ = worked(hands, batch("a"), context=Clock(1))

    assert (hands.taken, again) == (["a"], [])


@pytest.mark.parametrize(("tries", "wait"), [(1, 5), (2, 10), (5, 80), (8, 600), (28, 600)])
def test_what_is_unavailable_waits_longer_each_time(
    bundle: Services, tries: int, wait: int
) -> None:
    assert bundle
    _, waits = worked(Hands({"a": Unavailable("down")}), batch("a", tries=tries))

    assert waits == {"receipt-0": wait}


@pytest.mark.parametrize("error", [Unavailable("down"), KeyError("x")])
def test_the_last_try_parks_so_that_the_queue_never_gives_up(
    bundle: Services, error: Exception
) -> None:
    again, waits = worked(Hands({"a": error}), batch("a", "b", tries=29))

    assert (again, waits) == ([], {})
    [item] = bundle.state.all_of(Parked, "c")
    assert (item.queue, item.body, item.group) == ("events", "a", "group")


@pytest.mark.parametrize(("tries", "parks"), [(1, 0), (4, 0), (5, 1)])
def test_what_nobody_foresaw_is_parked_on_the_fifth_try(
    bundle: Services, tries: int, parks: int
) -> None:
    again, _ = worked(Hands({"a": KeyError(SECRET_TEXT)}), batch("a", tries=tries))

    found = bundle.state.all_of(Parked, "c")
    assert len(found) == parks
    assert len(again) == 1 - parks
    assert all(SECRET_TEXT not in item.cause for item in found)


def test_what_is_refused_is_parked_at_once_and_the_next_of_its_group_goes_through(
    bundle: Services,
) -> None:
    hands = Hands({"a": Refused("ENTITY_IS_LOCKED: the record is locked")})

    again, _ = worked(hands, batch("a", "b"))

    assert again == []
    assert hands.taken == ["a", "b"]
    [item] = bundle.state.all_of(Parked, "c")
    assert item.cause == "ENTITY_IS_LOCKED: the record is locked"
    assert hands.noted == [("a", item.cause)]


@pytest.mark.parametrize(("tries", "wait"), [(1, 1), (2, 2), (4, 8)])
def test_a_row_that_somebody_held_is_tried_again_soon(
    bundle: Services, tries: int, wait: int
) -> None:
    assert bundle
    _, waits = worked(Hands({"a": Contended("locked")}), batch("a", tries=tries))

    assert waits == {"receipt-0": wait}


@pytest.mark.parametrize("tries", [1, 29])
def test_what_waits_for_a_closed_org_is_set_aside_and_the_next_of_its_group_is_tried(
    bundle: Services, logged: Callable[[], str], tries: int
) -> None:
    hands = Hands({"a": Closed(SECRET_TEXT)})

    answer = worked(hands, batch("a", "b", tries=tries), holds=True)

    assert answer == ([], {})
    assert hands.taken == ["a", "b"]
    [held] = bundle.state.all_of(Held, "c")
    assert (held.body, held.group, held.queue) == ("a", "group", "events")
    assert held.id.startswith("2026-03-04T09:00:00.000000-")
    assert '"message":"held"' in logged()
    assert SECRET_TEXT not in logged()
    assert bundle.state.all_of(Parked, "c") == []


def test_what_is_held_twice_is_one_record(bundle: Services) -> None:
    hands = Hands({"a": Closed("down")})

    worked(hands, batch("a", "a"), holds=True)
    worked(hands, batch("a", tries=2), holds=True)

    assert len(bundle.state.all_of(Held, "c")) == 1


def test_on_a_queue_that_holds_nothing_a_closed_org_is_tried_again(bundle: Services) -> None:
    again, waits = worked(Hands({"a": Closed("down")}), batch("a"))

    assert (again, waits) == (["message-0"], {"receipt-0": 5})
    assert bundle.state.all_of(Held, "c") == []


def test_a_lost_connection_is_told_once_however_many_messages_meet_it(
    bundle: Services, logged: Callable[[], str]
) -> None:
    lost = Connection(
        connection="c",
        state="lost",
        end="user frozen",
        name="Tests",
        hypertrack_account="a",
        hypertrack_secret="sealed",
        login_url="https://login.salesforce.com",
    )
    bundle.state.write(lost)
    hands = Hands({"a": Lost("frozen"), "b": Lost("frozen")})

    worked(hands, batch("a", "b", groups=["one", "two"]), holds=True)
    worked(hands, batch("a", "b", groups=["one", "two"]))

    lines = [line for line in logged().splitlines() if '"connection lost"' in line]
    assert len(lines) == 1
    assert "user frozen" in lines[0]
    found = bundle.state.read(Connection, "c")
    assert found
    assert found.told


def test_a_batch_is_one_line_of_the_log_with_its_outcomes_and_its_connections(
    bundle: Services, logged: Callable[[], str]
) -> None:
    assert bundle
    hands = Hands({"b": Refused("no"), "d": Unavailable("down")})

    worked(hands, batch("a", "b", "c", "d", "e", groups=["one", "one", "one", "two", "two"]))

    lines = [json.loads(each) for each in logged().splitlines() if "worked off" in each]
    [line] = [each for each in lines if each.get("message") == "worked off"]
    assert line["queue"] == "events"
    assert line["outcomes"] == {"done": 2, "parked": 1, "comes again": 2}
    assert line["connections"] == {"c": 4}  # the fifth has not been looked at
    assert line["level"] == "WARNING"
    [again] = line["again"]  # what came behind it is not at fault
    assert again.pop("where").startswith("take:")
    assert 0 < again.pop("wait") <= 5
    told = {"connection": "c", "error": "Unavailable", "messages": 1, "tries": 1}
    assert again == told


def test_what_failed_alike_for_one_connection_is_told_once_with_its_most_tries(
    bundle: Services, logged: Callable[[], str]
) -> None:
    assert bundle
    down = Unavailable("secret")
    hands = Hands({"a": down, "b": down, "c": KeyError("secret"), "d": down})
    event = batch("a", "b", "c", "d", groups=["one", "two", "three", "four"])
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "3"

    with scripted(Answer(200, b"")) as script:
        outbox = SqsOutbox(script.aws, "queue")
        whose = {"d": "another"}
        work = Work("events", outbox, lambda body: whose.get(body, "c"), hands.take)
        work_off(event, work._replace(spread=lambda: 1), CONTEXT)

    [line] = [json.loads(each) for each in logged().splitlines() if "worked off" in each]
    assert {
        (each["connection"], each["error"], each["messages"], each["tries"], each["wait"])
        for each in line["again"]
    } == {
        ("c", "Unavailable", 2, 3, 20),
        ("c", "KeyError", 1, 1, 5),
        ("another", "Unavailable", 1, 1, 5),
    }
    assert "secret" not in logged()


def test_a_batch_is_told_of_though_what_follows_fails(
    bundle: Services, logged: Callable[[], str]
) -> None:
    def failing(*_told: object, **_named: object) -> None:
        raise Unavailable("down")

    bundle.state.read = failing  # type: ignore[method-assign]
    hands = Hands({"a": KeyError(), "b": Lost("frozen")})

    with pytest.raises(Unavailable):
        worked(hands, batch("a", "b", groups=["one", "two"]))

    [line] = [json.loads(each) for each in logged().splitlines() if "worked off" in each]
    assert {each["error"] for each in line["again"]} == {"KeyError", "Lost"}


def test_a_batch_in_which_nothing_failed_is_no_warning(
    bundle: Services, logged: Callable[[], str]
) -> None:
    assert bundle

    worked(Hands(), batch("a"))

    [line] = [json.loads(each) for each in logged().splitlines() if "worked off" in each]
    assert line["level"] == "INFO"
    assert line["again"] == []


def test_a_batch_that_can_not_be_postponed_comes_again_all_the_same(
    bundle: Services, logged: Callable[[], str]
) -> None:
    assert bundle
    with scripted(Answer(500)) as script:
        hands = Hands({"a": Unavailable("down")})
        work = Work("events", SqsOutbox(script.aws, "queue"), lambda _: "c", hands.take)

        answer = work_off(batch("a"), work, CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert "not postponed" in logged()


def test_a_message_that_is_parked_twice_is_one_item(bundle: Services) -> None:
    hands = Hands({"a": Refused("no")})

    worked(hands, batch("a"))
    worked(hands, batch("a", tries=2))

    assert len(bundle.state.all_of(Parked, "c")) == 1


def test_an_item_may_be_replayed_with_another_body(bundle: Services) -> None:
    worked(Hands({"a": Refused("no")}), batch("a"), lambda body, cause: f"{body} after {cause}")

    [item] = bundle.state.all_of(Parked, "c")
    assert item.body == "a after no"


def test_a_body_that_no_worker_can_read_harms_nobody_else(bundle: Services) -> None:
    hands = Hands()

    def connection_of(body: str) -> str:
        return str(json.loads(body)["connection"])

    with scripted(Answer(200, b"")) as script:
        outbox = SqsOutbox(script.aws, "queue")
        work = Work("events", outbox, connection_of, hands.take, hands.note)
        good = '{"connection":"c"}'
        answer = work_off(batch("no json", good, groups=["one", "two"]), work, CONTEXT)

    assert answer["batchItemFailures"] == [{"itemIdentifier": "message-0"}]
    assert hands.taken == [good]
    assert bundle.state.all_of(Parked, "c") == []


@pytest.mark.parametrize(
    "error", [Refused(SECRET_TEXT), Unavailable(SECRET_TEXT), KeyError(SECRET_TEXT)]
)
def test_no_line_of_the_log_carries_the_text_of_a_cause(
    bundle: Services, logged: Callable[[], str], error: Exception
) -> None:
    assert bundle
    worked(Hands({"a": error}), batch("a", "b"))

    assert SECRET_TEXT not in logged()
    assert type(error).__name__ in logged() or "parked" in logged()


def test_a_worker_that_is_stopped_parks_nothing(bundle: Services) -> None:
    stopped = Hands(killed="a")

    with pytest.raises(Killed):
        worked(stopped, batch("a", tries=29))

    assert bundle.state.all_of(Parked, "c") == []
