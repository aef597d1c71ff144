import json
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest

from fieldlink import records
from fieldlink.adapters.aws import Aws
from fieldlink.adapters.dynamodb import DynamoState
from fieldlink.adapters.dynamodb_items import Item, item_of
from fieldlink.adapters.dynamodb_keys import KEYS
from fieldlink.adapters.meter import DynamoMeter
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import (
    Ability,
    Delivered,
    Fact,
    Fence,
    Kind,
    SheetEntry,
    Travel,
    WantedOrder,
    Writes,
)
from fieldlink.ports import Meter, State
from fieldlink.records import Device, Geofence, Listed, Record, Tracking, WebhookTested, Worker
from fieldlink.writing.claiming import Claims
from tests.adapters.scripted import Answer, scripted
from tests.conftest import Pretended
from tests.fakes import FakeMeter, FakeState

NOW = datetime(2026, 3, 4, 8, 30, 15, 250_000, tzinfo=UTC)
FENCE = Fence(device="D1", latitude=52.5, longitude=13.4, radius=100, metadata={"a": "b"})
FACT = Fact(
    kind=Kind.LEFT,
    key="geofence/1/exit",
    at=NOW,
    device="D1",
    arrived_at=NOW - timedelta(hours=1),
    travel=Travel(metres=1000, seconds=60),
    note="naïve 🚲",
    photos=("p1",),
)
DELIVERED = Delivered(fact=FACT, delivery="d1", received_at=NOW)
SEALED = "sealed-text"
WANTED = WantedOrder(handle="o", worker="r", latitude=52.5, longitude=13.4, radius=100)
EVERY: list[Record] = [
    Listed(connection="c"),
    records.Connection(
        connection="c",
        state="lost",
        name='"Zoë" & Co',
        hypertrack_account="a",
        hypertrack_secret=SEALED,
        login_url="https://login.salesforce.com",
    ),
    records.Access(
        connection="c", tokens=SEALED, instance_url="https://a.my", renewing_since=NOW
    ),
    records.WebhookKeys(connection="c", secrets=(SEALED, "old"), live_positions=True),
    WebhookTested(connection="c", at=NOW),
    records.Watermark(connection="c", at=NOW),
    records.Gate(connection="c", failures=5, opened_at=NOW, paused="share", used=1, allowed=2),
    records.Capabilities(
        connection="c",
        checked_at=NOW,
        unreadable=("ServiceAppointment.Street",),
        lacking={Ability.TIME_SHEETS: "no permission"},
    ),
    records.Held(
        connection="c", id="2026-03-04T08:30-x", queue="events", body="{}", group="g", at=NOW
    ),
    records.Nudged(connection="c", at=NOW),
    records.Vanished(connection="c", id="a", what="appointment", deleted=True, at=NOW),
    records.Resource(connection="c", id="r", name="R", email="r@example.com", active=False),
    Worker(
        connection="c",
        resource="r",
        device="D1",
        invitation=records.Invitation(state="sending", at=NOW),
    ),
    Device(connection="c", id="D1", resource="", ttl=1_900_000_000),
    Geofence(connection="c", id="g", resource="r", appointment="a", assignment="i", live=False),
    records.Parked(
        connection="c", id="p", queue="events", body="{}", group="g", cause="no", at=NOW
    ),
    records.Appointment(connection="c", id="a", latitude=52.516275, longitude=-0.1, ttl=1),
    records.Visit(
        connection="c",
        appointment="a",
        facts={FACT.key: DELIVERED},
        intent=records.Intent(delivered=DELIVERED, since=NOW),
        ours=records.Ours(
            status="Done",
            actual_start=NOW,
            travel={"r": 1.5},
            entries={"r": records.Entry(id="e", starts_at=NOW, ends_at=NOW)},
        ),
    ),
    records.Assignment(connection="c", id="i", appointment="a", resource="r", deleted=True),
    Tracking(
        connection="c",
        resource="r",
        appointment="a",
        assignment="i",
        live=records.LiveFence(id="g", fence=FENCE),
        leaving=("h",),
        creating=FENCE,
        waiting="no device yet",
    ),
    records.Shift(
        connection="c", id="s", resource="r", starts_at=NOW, ends_at=NOW, former=("q",)
    ),
    records.Planned(
        connection="c", id="s", resource="r", starts_at=NOW, ends_at=NOW, ttl=1_900_000_000
    ),
    records.OnShift(connection="c", resource="r", tracking=True),
    records.Confirming(connection="c", at=NOW, appointment="a", resource="r", left_at=NOW),
    records.Position(
        connection="c",
        resource="r",
        at=NOW,
        shown_at=NOW,
        fact="k",
        received_at=NOW,
        ttl=1_900_000_000,
    ),
    records.Day(connection="c", resource="r", on=date(2026, 3, 4), facts={"k": DELIVERED}),
    records.SheetClaim(
        connection="c",
        resource="r",
        first=date(2026, 3, 2),
        since=NOW,
        delivery="d",
        ttl=1_900_000_000,
    ),
    records.PendingAuthorisation(
        connection="c",
        state="s",
        session="x",
        verifier=SEALED,
        callback="https://a/b",
        login_url="https://l",
        ttl=1_900_000_000,
    ),
    records.UsedLink(connection="nonce", ttl=1_900_000_000),
    records.Ordered(
        connection="c",
        appointment="a",
        assignment="i",
        orders=(records.LiveOrder(wanted=WANTED, share_url="https://l/x"),),
    ),
    records.Order(connection="c", id="o", resource="r", appointment="a", assignment="i"),
    records.Due(connection="c", at=NOW, resource="r", why="order i"),
    records.Outage(connection="c", resource="r", device="D1", reason="uninstalled", since=NOW),
    records.Heard(connection="c", at=NOW, compared_at=NOW),
]


@pytest.fixture(params=["fake", "dynamodb"])
def state(request: pytest.FixtureRequest) -> State:
    if request.param == "fake":
        return FakeState()
    return _dynamo(request.getfixturevalue("aws"))


def _dynamo(aws: Pretended) -> DynamoState:
    return DynamoState(Aws(aws.access), aws.settings.state_table)


def device(number: int, resource: str = "r") -> Device:
    return Device(connection="c", id=f"D{number}", resource=resource)


# ── the promise, kept by the real one and by the fake ──────────────────────────


def test_every_kind_of_record_is_among_those_that_are_tried() -> None:
    assert {type(record) for record in EVERY} == set(KEYS)


@pytest.mark.parametrize("record", EVERY, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_it_was_stored(state: State, record: Record) -> None:
    assert state.write(record)

    found = state.read(type(record), *record.key)

    assert found == record.model_copy(update={"version": 1})


@pytest.mark.parametrize("record", EVERY, ids=lambda record: type(record).__name__)
def test_what_is_sealed_does_not_show_when_a_record_is_printed(record: Record) -> None:
    assert SEALED not in repr(record)


def test_what_was_never_stored_is_not_found(state: State) -> None:
    assert state.read(Device, "c", "D1") is None
    assert state.read_many(Device, [("c", "D1")]) == []
    assert state.all_of(Geofence, "c") == []
    assert state.take(Device, "c", "D1") is None
    state.erase(Device, "c", "D1")


def test_a_new_record_is_stored_only_where_there_is_none(state: State) -> None:
    assert state.write(device(1, "first"))
    assert not state.write(device(1, "second"))

    found = state.read(Device, "c", "D1")
    assert found
    assert found.resource == "first"


def test_a_record_is_stored_only_over_the_version_that_was_read(state: State) -> None:
    state.write(device(1))
    read = state.read(Device, "c", "D1")
    assert read

    assert state.write(read.model_copy(update={"resource": "mine"}))
    assert not state.write(read.model_copy(update={"resource": "late"}))

    found = state.read(Device, "c", "D1")
    assert found
    assert (found.resource, found.version) == ("mine", 2)


@pytest.mark.parametrize(
    ("first", "changes"),
    [
        (Device(connection="c", id="D1", resource="r"), {"resource": "another"}),
        (records.Visit(connection="c", appointment="08p"), {"marks": {"r/2026-03-04": "m"}}),
    ],
    ids=["a plain one", "a deflated one"],
)
def test_a_record_is_forgotten_only_as_it_was_read(
    state: State, first: Record, changes: dict[str, object]
) -> None:
    state.write(first)
    state.forget(first.model_copy(update=changes))
    assert state.read(type(first), *first.key)

    state.forget(first)

    assert state.read(type(first), *first.key) is None


def test_a_record_that_was_erased_meanwhile_is_not_stored_again(state: State) -> None:
    state.write(device(1))
    read = state.read(Device, "c", "D1")
    assert read
    state.erase(Device, "c", "D1")

    assert not state.write(read)
    assert state.read(Device, "c", "D1") is None


def test_one_of_many_writers_at_the_same_time_wins(state: State) -> None:
    state.write(device(1))
    read = state.read(Device, "c", "D1")
    assert read

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(state.write, [read] * 16))

    assert won.count(True) == 1


def test_what_is_taken_goes_to_one_of_many_takers(state: State) -> None:
    state.write(device(1))

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: state.take(Device, "c", "D1"), range(16)))

    assert [each.id for each in taken if each] == ["D1"]


def test_any_number_of_records_is_stored_and_read(state: State) -> None:
    state.write_all(device(number) for number in range(137))

    found = state.read_many(Device, [("c", f"D{number}") for number in range(-5, 137)])

    assert sorted(each.id for each in found) == sorted(f"D{number}" for number in range(137))


def test_records_with_one_writer_are_stored_whatever_their_version(state: State) -> None:
    state.write(device(1, "first"))

    state.write_all([device(1, "second")])

    found = state.read(Device, "c", "D1")
    assert found
    assert found.resource == "second"


def test_what_has_the_same_key_is_read_in_one_call(aws: Pretended) -> None:
    table = DynamoState(Aws(aws.access), aws.settings.state_table)
    kinds = records.Connection, records.Access, records.WebhookKeys, records.Gate
    stored = [each for each in EVERY if type(each) in kinds[:3]]
    table.write_all(stored)
    table.write_all([each.model_copy(update={"connection": "d"}) for each in stored])

    found = table.read_beside(kinds, "c")

    assert len(found) == 3
    assert {type(each): each.model_copy(update={"version": 0}) for each in found} == {
        type(each): each for each in stored
    }
    assert table.read_beside(kinds, "nobody") == []
    both = table.read_beside(kinds, "c", "nobody", "d")
    assert sorted(each.connection for each in both) == ["c"] * 3 + ["d"] * 3


def test_fingerprints_are_those_of_stored_rows_of_the_kind_that_have_one(state: State) -> None:
    known = job("known", fingerprint="f1")
    seat = records.Assignment(
        connection="c", id="known", appointment="a", resource="r", fingerprint="f2"
    )
    elsewhere = known.model_copy(update={"connection": "d", "fingerprint": "f3"})
    state.write_all([known, job("begun"), seat, elsewhere])

    keys = [("c", name) for name in ("known", "begun", "never stored")]

    assert state.fingerprints(records.Appointment, keys) == {("c", "known"): "f1"}
    assert state.fingerprints(records.Assignment, [seat.key]) == {("c", "a", "known"): "f2"}
    assert state.fingerprints(records.Resource, [("c", "known")]) == {}
    assert state.fingerprints(records.Appointment, []) == {}


def test_a_fingerprint_goes_with_the_row_that_had_it(state: State) -> None:
    for told in ("f1", "f2", ""):
        state.write_all([job("a", fingerprint=told)], fence=fenced(state))

        stored = state.read(records.Appointment, "c", "a")
        assert stored
        assert stored.fingerprint == told
        found = state.fingerprints(records.Appointment, [stored.key])
        assert found == ({stored.key: told} if told else {})


def test_the_fingerprints_of_any_number_of_rows_are_told(state: State) -> None:
    state.write_all(job(f"a{number}", fingerprint=f"f{number}") for number in range(237))

    keys = {("c", f"a{number}"): None for number in range(-5, 237)}

    assert state.fingerprints(records.Appointment, keys.keys()) == {
        ("c", f"a{number}"): f"f{number}" for number in range(237)
    }


def job(name: str, fingerprint: str = "") -> records.Appointment:
    return records.Appointment(connection="c", id=name, fingerprint=fingerprint)


def test_all_of_a_kind_are_those_below_the_key_and_no_others(state: State) -> None:
    for record in EVERY:
        state.write(record)
    state.write(Geofence(connection="d", id="g2", resource="", appointment="", assignment=""))

    assert [each.id for each in state.all_of(Geofence, "c")] == ["g"]
    assert [each.id for each in state.all_of(records.Assignment, "c", "a")] == ["i"]
    assert [each.assignment for each in state.all_of(Tracking, "c", "r")] == ["i"]
    assert [each.connection for each in state.all_of(Listed)] == ["c"]


def test_some_of_a_kind_are_the_first_of_them(state: State) -> None:
    state.write_all(device(number) for number in range(5))
    held = [
        records.Held(connection="c", id=f"{n:02}", queue="events", body="", group="", at=NOW)
        for n in range(7)
    ]
    state.write_all(reversed(held))

    assert [each.id for each in state.some_of(records.Held, "c", limit=3)] == ["00", "01", "02"]
    assert len(state.some_of(records.Held, "c", limit=100)) == 7
    assert state.some_of(records.Held, "d", limit=3) == []


def test_behind_a_fence_that_stands_any_number_of_records_is_stored(state: State) -> None:
    fence = fenced(state)

    state.write_all((device(number) for number in range(137)), fence=fence)
    state.write_all([device(1, "second")], fence=fence)

    found = state.read_many(Device, [("c", f"D{number}") for number in range(137)])
    assert len(found) == 137
    assert [each.resource for each in found if each.id == "D1"] == ["second"]
    assert state.read(records.Watermark, "c") == fence


def test_behind_a_fence_that_has_moved_nothing_is_stored(state: State) -> None:
    fence = fenced(state)
    assert state.write(fence)

    with pytest.raises(Unavailable, match="moved on"):
        state.write_all([device(1)], fence=fence)

    assert state.read(Device, "c", "D1") is None


def test_a_fence_that_was_not_stored_yet_stands_until_somebody_stores_it(state: State) -> None:
    fence = records.Watermark(connection="c", at=NOW)
    state.write_all([device(1)], fence=fence)
    state.write(fence)

    with pytest.raises(Unavailable):
        state.write_all([device(2)], fence=fence)

    assert state.read(Device, "c", "D1")
    assert state.read(Device, "c", "D2") is None


def fenced(state: State) -> records.Watermark:
    """A watermark as it is stored."""
    state.write(records.Watermark(connection="c", at=NOW))
    stored = state.read(records.Watermark, "c")
    assert stored
    return stored


def test_one_connection_never_sees_what_another_has(state: State) -> None:
    state.write(device(1))

    assert state.read(Device, "other", "D1") is None
    assert state.take(Device, "other", "D1") is None


# ── DynamoDB itself ────────────────────────────────────────────────────────────


def test_more_than_dynamodb_answers_at_once_is_read_in_full(aws: Pretended) -> None:
    state = _dynamo(aws)
    body = "x" * 100_000
    state.write_all(
        records.Parked(
            connection="c", id=f"{n:02}", queue="polls", body=body, group="", cause="", at=NOW
        )
        for n in range(23)
    )

    found = state.all_of(records.Parked, "c")

    assert [each.id for each in found] == [f"{n:02}" for n in range(23)]


def test_what_a_visit_need_not_say_is_not_paid_for(aws: Pretended) -> None:
    state = DynamoState(Aws(aws.access), aws.settings.state_table)

    state.write(records.Visit(connection="c", appointment="08p"))
    state.write(records.WebhookKeys(connection="c", secrets=("s",)))

    [keys, visit] = sorted(
        aws.client("dynamodb").scan(TableName="State")["Items"],
        key=lambda item: "whole" in item,
    )
    whole = json.loads(zlib.decompress(visit["whole"]["B"]))
    assert whole == {"connection": "c", "appointment": "08p"}
    # the door reads it as it stands
    assert "live_positions" in json.loads(keys["body"]["S"])


def test_an_appointment_of_three_facts_is_paid_for_as_one_kilobyte(aws: Pretended) -> None:
    connection, appointment = (
        "VfTuFDg9_KGdaeUveaoD-2eO4EzXcyfRWPl39wYohAw",
        "08pKx00000000BdIAI",
    )
    facts = {}
    for number in range(3):
        fact = FACT.model_copy(
            update={
                "key": f"geofence/5f9b7c1e-3a2d-4f6b-8c1d-0e2f4a6b8c1{number}/exit",
                "device": "A1B2C3D4-0001-4AAA-8BBB-000000000001",
                "resource": "0HnKx000000002vKAA",
                "appointment": appointment,
            }
        )
        delivery = sha256(fact.key.encode()).hexdigest()
        facts[fact.key] = Delivered(fact=fact, delivery=delivery, received_at=NOW)
    visit = records.Visit(connection=connection, appointment=appointment, facts=facts)
    assert len(visit.model_dump_json(exclude_defaults=True)) > 1500

    DynamoState(Aws(aws.access), aws.settings.state_table).write(visit)

    [item] = aws.client("dynamodb").scan(TableName="State")["Items"]
    said = [each for value in item.values() for each in value.values()]
    size = sum(len(each) for each in [*item, *said] if not isinstance(each, bool))
    assert size < 1024


def begun(*others: Delivered) -> records.Visit:
    """One whose writes have begun, as many as a check-out has, or as several facts have."""
    entry = SheetEntry(
        key="08p/r/2026-03-04/1",
        new_sheet="r/2026-03-04",
        resource="r",
        starts_at=NOW,
        ends_at=NOW,
        subject="Site visit",
        description="Site visit: Rosa",
    )
    planned = Writes(appointment="08p", changes={"status": "Completed"}, entries=(entry,) * 2)
    intent = records.Intent(delivered=DELIVERED, since=NOW, planned=planned, others=others)
    return records.Visit(connection="c", appointment="08p", intent=intent)


def of_version(visit: records.Visit, version: int, **changes: object) -> records.Visit:
    return visit.model_copy(update={"version": version, **changes})


@pytest.mark.parametrize("others", [(), (DELIVERED,)], ids=["of one", "of several"])
def test_what_facts_are_about_is_kept_deflated_whichever_way_it_is_written(
    aws: Pretended, others: tuple[Delivered, ...]
) -> None:
    state, visit, version = _dynamo(aws), begun(*others), 0
    ways: list[Callable[[records.Visit], object]] = [
        state.write,
        lambda each: state.write_each([each]),
        lambda each: state.write_all([each]),
    ]
    for claim in ways[:2]:
        for let_go in ways:
            claim(of_version(visit, version))
            [item] = aws.client("dynamodb").scan(TableName="State")["Items"]
            length = len(visit.model_dump_json(exclude_defaults=True))
            assert len(item["whole"]["B"]) < 0.5 * length
            assert state.read(records.Visit, "c", "08p") == of_version(visit, version + 1)

            let_go(of_version(visit, version + 1, intent=None))
            version += 2

            found = state.read(records.Visit, "c", "08p")
            assert found == of_version(visit, version, intent=None)


@pytest.mark.parametrize(
    "told",
    [
        {"whole": {"B": b"not deflated"}},
        {"whole": {"B": zlib.compress(b"not JSON")}},
        {"whole": {"B": zlib.compress(b'"no record"')}},
        {"whole": {"B": zlib.compress(b'{"told":"no parts"}')}},
        {"body": {"S": "{}"}},
        {"body": {"S": "not JSON"}},
        {},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_refused_and_named(aws: Pretended, told: Item) -> None:
    item = {"pk": {"S": "c#08p"}, "sk": {"S": "visit"}, "version": {"N": "1"}}
    aws.client("dynamodb").put_item(TableName="State", Item={**item, **told})

    with pytest.raises(Refused, match="c#08p visit of the state table can't be read"):
        _dynamo(aws).read(records.Visit, "c", "08p")


def _of_before(visit: records.Visit, *, beside: bool) -> Item:
    """As versions before this stored it: what was begun lies deflated beside it, or in it."""
    keys: Item = {"pk": {"S": "c#08p"}, "sk": {"S": "visit"}, "version": {"N": "1"}}
    whole = visit.model_dump_json(exclude={"version", "ttl"}, exclude_defaults=True)
    if not beside or not visit.intent:
        return {**keys, "body": {"S": whole}}
    deflated = {"B": zlib.compress(visit.intent.model_dump_json().encode())}
    body = json.dumps(json.loads(whole) | {"intent": {"since": "9999-12-31"}})
    intent = {"L": [deflated]} if visit.intent.others else deflated
    return {**keys, "body": {"S": body}, "intent": intent}


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("others", [(), (DELIVERED,)], ids=["of one", "of several"])
def test_what_a_version_before_stored_is_read_and_no_word_of_it_stays(
    aws: Pretended, others: tuple[Delivered, ...], beside: bool
) -> None:
    """Neither for that version, which would not know it for old, nor to be paid for."""
    state, visit = _dynamo(aws), begun(*others)
    item = _of_before(visit, beside=beside)
    aws.client("dynamodb").put_item(TableName="State", Item=item)

    found = state.read(records.Visit, "c", "08p")

    assert found == of_version(visit, 1, earlier=True)
    state.write_each([found.model_copy(update={"intent": None})])
    assert state.read(records.Visit, "c", "08p") == of_version(visit, 2, intent=None)
    [item] = aws.client("dynamodb").scan(TableName="State")["Items"]
    assert item["intent"] == {"NULL": True}
    with pytest.raises(ValueError, match="connection"):
        records.Visit.model_validate_json(item["body"]["S"])


def test_the_time_to_live_is_a_number_for_the_table_to_read(aws: Pretended) -> None:
    _dynamo(aws).write(Device(connection="c", id="D1", resource="", ttl=1_900_000_000))
    _dynamo(aws).write(device(2))

    [limited, kept] = aws.client("dynamodb").scan(TableName="State")["Items"]

    assert limited["ttl"] == {"N": "1900000000"}
    assert "ttl" not in kept


def test_keys_that_dynamodb_left_out_are_asked_for_again() -> None:
    item = {
        "pk": {"S": "c"},
        "sk": {"S": "device#D1"},
        "version": {"N": "1"},
        "body": {"S": device(1).model_dump_json(exclude={"version", "ttl"})},
    }
    rest = {"T": {"Keys": [{"pk": {"S": "c"}, "sk": {"S": "device#D1"}}]}}
    first = Answer(200, {"Responses": {"T": []}, "UnprocessedKeys": rest})
    second = Answer(200, {"Responses": {"T": [item]}, "UnprocessedKeys": {}})

    with scripted(first, second) as script:
        found = DynamoState(script.aws, "T").read_many(Device, [("c", "D1"), ("c", "D2")])

    assert [each.id for each in found] == ["D1"]
    assert script.asked[1].json == {"RequestItems": rest}


def test_fingerprints_that_dynamodb_left_out_are_asked_for_again() -> None:
    key = {"pk": {"S": "c#a"}, "sk": {"S": "appointment"}}
    rest = {"T": {"Keys": [key], "ProjectionExpression": "pk, sk, fingerprint"}}
    first = Answer(200, {"Responses": {"T": []}, "UnprocessedKeys": rest})
    item = {**key, "fingerprint": {"S": "f1"}}
    second = Answer(200, {"Responses": {"T": [item]}, "UnprocessedKeys": {}})

    with scripted(first, second) as script:
        state = DynamoState(script.aws, "T")
        found = state.fingerprints(records.Appointment, [("c", "a"), ("c", "a")])

    assert found == {("c", "a"): "f1"}
    asked = script.asked[0].json["RequestItems"]["T"]
    assert asked["Keys"] == [key]  # a key that comes twice would be refused
    assert asked["ProjectionExpression"] == "pk, sk, fingerprint"
    assert asked["ConsistentRead"] is True
    assert script.asked[1].json == {"RequestItems": rest}


def test_items_that_dynamodb_left_out_are_put_again_and_no_others() -> None:
    with scripted(*_leaving_out(1), Answer(200, {"UnprocessedItems": {}})) as script:
        DynamoState(script.aws, "T").write_all(device(number) for number in range(26))

    sizes = [len(asked.json["RequestItems"]["T"]) for asked in script.asked]
    assert sizes == [25, 1, 1]


def test_what_others_may_have_written_since_is_not_stored_again_after_an_error_of_theirs() -> (
    None
):
    failed = Answer(500, {"__type": "InternalServerError"})
    with scripted(failed, Answer(200, {"UnprocessedItems": {}})) as script:
        with pytest.raises(Unclear):
            DynamoState(script.aws, "T").write_all([device(1)], once=True)
        assert len(script.asked) == 1

        DynamoState(script.aws, "T").write_all([device(1)])


def test_whoever_lets_go_of_what_it_claimed_does_so_once() -> None:
    failed = Answer(500, {"__type": "InternalServerError"})
    with scripted(Answer(200), failed, Answer(200, {"UnprocessedItems": {}})) as script:
        claims = Claims(DynamoState(script.aws, "T"))
        day = records.Day(connection="c", resource="r", on=NOW.date())
        claims.take(day, records.Intent(delivered=DELIVERED, since=NOW))

        with pytest.raises(Unclear):
            claims.store(day)

        assert ["RequestItems" in each.json for each in script.asked] == [False, True]


def test_what_was_left_out_of_what_others_may_write_is_put_again() -> None:
    with scripted(*_leaving_out(1), Answer(200, {"UnprocessedItems": {}})) as script:
        DynamoState(script.aws, "T").write_all((device(n) for n in range(2)), once=True)

    sizes = [len(asked.json["RequestItems"]["T"]) for asked in script.asked]
    assert sizes == [2, 1]


def test_a_table_that_stays_busy_is_unavailable_after_some_tries() -> None:
    with scripted(*_leaving_out(1)) as script:
        with pytest.raises(Unavailable, match="busy"):
            DynamoState(script.aws, "T").write_all([device(1)])

        assert len(script.asked) == 5


def test_if_nobody_knows_whose_was_left_undone_all_are() -> None:
    left = {"PutRequest": {"Item": {"pk": {"S": "c"}, "sk": {"S": "of another"}}}}
    answer = Answer(200, {"UnprocessedItems": {"T": [left]}})
    with scripted(answer) as script, pytest.raises(Unavailable, match="busy"):
        DynamoState(script.aws, "T").write_all([device(1)])


def _leaving_out(count: int) -> Iterator[Answer]:
    rest = [{"PutRequest": {"Item": item_of(device(1))}}] * count
    yield Answer(200, {"UnprocessedItems": {"T": rest}})


@pytest.mark.parametrize(
    ("reasons", "error"),
    [
        ("[ConditionalCheckFailed, None]", Unavailable),
        ("[None, TransactionConflict]", Unavailable),
        ("[None, ThrottlingError]", Unavailable),
        ("[None, ValidationError]", Refused),
    ],
)
def test_a_transaction_that_was_cancelled_may_be_repeated_unless_it_can_never_be_right(
    reasons: str, error: type[Exception]
) -> None:
    said = "Transaction cancelled, please refer cancellation reasons for specific reasons "
    code = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    cancelled = Answer(400, {"__type": code, "Message": said + reasons})
    fence = records.Watermark(connection="c", at=NOW, version=3)
    with scripted(cancelled) as script, pytest.raises(error):
        DynamoState(script.aws, "T").write_all([device(1)], fence=fence)


def test_a_fence_is_checked_in_the_same_transaction_as_what_it_guards() -> None:
    fence = records.Watermark(connection="c", at=NOW, version=3)
    with scripted() as script:
        records_ = [device(number) for number in range(100)]
        DynamoState(script.aws, "T").write_all(records_, fence=fence)

    transactions = [asked.json["TransactItems"] for asked in script.asked]
    assert [len(each) for each in transactions] == [100, 2]
    for check, *puts in transactions:
        assert check["ConditionCheck"]["Key"]["sk"] == {"S": "watermark"}
        values = check["ConditionCheck"]["ExpressionAttributeValues"]
        assert values == {":version": {"N": "3"}}
        assert all("Put" in each for each in puts)


# ── calls ──────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["fake", "dynamodb"])
def meter(request: pytest.FixtureRequest) -> Meter:
    if request.param == "fake":
        return FakeMeter()
    aws: Pretended = request.getfixturevalue("aws")
    return DynamoMeter(Aws(aws.access), aws.settings.state_table)


def test_the_calls_of_a_day_add_up(meter: Meter) -> None:
    for minutes in (0, 1, 59, 600):
        meter.add("c", NOW - timedelta(minutes=minutes), 3)
    meter.add("d", NOW, 7)

    assert meter.last_day("c", NOW) == 12
    assert meter.last_day("d", NOW) == 7
    assert meter.last_day("e", NOW) == 0


def test_calls_are_forgotten_with_the_hour_in_which_the_day_began(meter: Meter) -> None:
    meter.add("c", NOW, 5)

    begun = NOW.replace(minute=0) + timedelta(days=1)
    assert meter.last_day("c", begun + timedelta(minutes=59)) == 5
    assert meter.last_day("c", begun + timedelta(hours=1)) == 0


def test_the_count_is_no_record_of_its_connection_and_the_table_forgets_it(
    aws: Pretended,
) -> None:
    DynamoMeter(Aws(aws.access), aws.settings.state_table).add("c", NOW, 5)

    [item] = aws.client("dynamodb").scan(TableName="State")["Items"]
    kept = datetime.fromtimestamp(int(item["ttl"]["N"]), UTC) - NOW
    assert kept.days in {1, 2}
    assert (item["pk"], item["sk"]) == ({"S": "c#calls"}, {"S": "2026-03-04T08"})
    assert all(_dynamo(aws).all_of(kind, "c") == [] for kind in (records.Held, Geofence))
