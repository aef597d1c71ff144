"""Set-ups that something is wrong with, and what the doctor has to say of each."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Category
from fieldlink.ports import Message
from fieldlink.practice import Practice
from fieldlink.records import (
    Connection,
    Held,
    Parked,
    Phone,
    Resource,
    Watermark,
    WebhookKeys,
    WebhookTested,
    Worker,
)
from fieldlink.wiring import now
from local.salesforce.schema import Field
from tests.adapters.scripted import Answer, Script
from tests.functions.conftest import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.wiring import Services
    from local.hypertrack import FakeHyperTrack
    from local.salesforce import FakeSalesforce
    from tests.conftest import Pretended

ACCOUNT = {"ProductionAccessEnabled": True, "SendingEnabled": True}
VERIFIED = {"VerifiedForSendingStatus": True}
WITHOUT_API = "This session is not valid for use with the REST API"


class Setup(NamedTuple):
    """Everything that there is to break."""

    bundle: Services
    connection: Connection
    salesforce: FakeSalesforce
    hypertrack: FakeHyperTrack
    aws: Pretended
    ses: Script


class Ailment(NamedTuple):
    """What is broken, how, and which findings that causes; all others stay ok."""

    name: str
    cause: Callable[[Setup], object]
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    cure: str = ""  # words of it
    consequences: bool = False  # whether other checks then can't be made


def expired(setup: Setup, **rules: object) -> None:
    """The org's rules as told, and no access token that is still good."""
    for name, value in rules.items():
        setattr(setup.salesforce, name, value)
    setup.salesforce.expire_access_tokens()


def scopes(setup: Setup, *held: str) -> None:
    for approval in setup.salesforce.oauth.approvals:
        approval.scopes = held
    for session in setup.salesforce.oauth.sessions.values():
        session.scopes = held


def hide(*names: str) -> Callable[[Setup], object]:
    return lambda setup: setup.salesforce.no_access.update(names)


def lock(*names: str) -> Callable[[Setup], object]:
    return lambda setup: setup.salesforce.read_only.update(names)


def add(sobject: str, field: Field) -> Callable[[Setup], object]:
    def cause(setup: Setup) -> None:
        org = setup.salesforce.org
        org.objects[sobject].fields[field.name] = field
        org.store.add_column(sobject, field)

    return cause


def wanting(cause: Callable[[Setup], object], **settings: object) -> Callable[[Setup], object]:
    """The same of a connection with other settings."""

    def changed(setup: Setup) -> None:
        cause(setup)
        current = setup.bundle.state.read(Connection, CONNECTION)
        assert current is not None
        assert setup.bundle.state.write(current.model_copy(update=settings))

    return changed


def short_field(setup: Setup) -> None:
    setup.salesforce.add_field("ServiceAppointment", "Live_Link__c", length=80)


def field_service_off(setup: Setup) -> None:
    for name in ("ServiceAppointment", "AssignedResource", "ServiceResource", "TimeSheet"):
        setup.salesforce.no_access.add(name)


def no_activity(setup: Setup) -> None:
    setup.salesforce.org.objects["Event"].fields["WhatId"].refers.remove("ServiceAppointment")


def without_status(category: str) -> Callable[[Setup], object]:
    def cause(setup: Setup) -> None:
        store = setup.salesforce.org.store
        for row in store.find("ServiceAppointmentStatus", StatusCode=category):
            store.remove("ServiceAppointmentStatus", row["Id"])

    return cause


def automatic(setup: Setup) -> None:
    row = {
        "Id": "0HV000000000001AAA",
        "DeveloperName": "Technicians",
        "MasterLabel": "Technicians",
        "AscAutomaticMode": "Automated",
    }
    setup.salesforce.org.store.put("FieldServiceMobileSettings", row)


def clock_off(**span: float) -> Callable[[Setup], object]:
    def cause(setup: Setup) -> None:
        setup.salesforce._clock = lambda: now() + timedelta(**span)

    return cause


def forget_secret(setup: Setup) -> None:
    state = setup.bundle.state
    keys = state.read(WebhookKeys, CONNECTION)
    assert keys is not None
    other = setup.bundle.vault.seal("another secret", connection=CONNECTION)
    assert state.write(keys.model_copy(update={"secrets": (other,)}))


def unverified(setup: Setup) -> None:
    setup.ses.answers[1:] = [Answer(200, {"VerifiedForSendingStatus": False})]


def account(**changes: bool) -> Callable[[Setup], object]:
    def cause(setup: Setup) -> None:
        setup.ses.answers[0] = Answer(200, ACCOUNT | changes)

    return cause


def dead_letters(setup: Setup) -> None:
    """As the template has it; moto's queues are made without it."""
    sqs, living = setup.aws.client("sqs"), setup.aws.settings.events_queue_url
    dead = sqs.get_queue_url(QueueName="DeadEvents.fifo")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 30}
    attributes = {"RedrivePolicy": json.dumps(policy)}
    sqs.set_queue_attributes(QueueUrl=living, Attributes=attributes)
    sqs.send_message(
        QueueUrl=dead, MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="d"
    )


def held(setup: Setup) -> None:
    waits = Held(connection=CONNECTION, id="1", queue="events", body="{}", group="g", at=now())
    assert setup.bundle.state.write(waits)


def two_phones(setup: Setup) -> None:
    phones = tuple(Phone(id=each, active_at=now()) for each in ("new", "old"))
    resource = Resource(connection=CONNECTION, id="0Hn000000000001CAA", name="Ada")
    worker = Worker(connection=CONNECTION, resource=resource.id, device="new", phones=phones)
    for record in (resource, worker):
        assert setup.bundle.state.write(record)


def parked(setup: Setup) -> None:
    item = Parked(
        connection=CONNECTION,
        id="events-1",
        queue="events",
        body="{}",
        group="g",
        cause="refused",
        at=now(),
    )
    assert setup.bundle.state.write(item)


def looked(setup: Setup, **ago: float) -> None:
    mark = setup.bundle.state.read(Watermark, CONNECTION)
    assert mark is not None
    late = mark.model_copy(update={"at": now() - timedelta(**ago)})
    assert setup.bundle.state.write(late)


def hypertrack_down(setup: Setup) -> None:
    setup.hypertrack.stop()


def only_errors(setup: Setup) -> None:
    fault = {"match": {"path": "/services/data/v"}, "status": 503, "times": None}
    setup.salesforce.faults.append(fault)


def used_elsewhere(share: float) -> Callable[[Setup], object]:
    return lambda setup: setup.salesforce.call_elsewhere(
        int(setup.salesforce.daily_limit * share)
    )


AILMENTS = (
    # whether we are let in
    Ailment(
        "the token was revoked",
        lambda setup: setup.salesforce.revoke_all(),
        ("credentials",),
        cure="again",
        consequences=True,
    ),
    Ailment(
        "the user is frozen",
        lambda setup: setup.salesforce.frozen.add(setup.salesforce.integration_user_id),
        ("credentials",),
        cure="user",
        consequences=True,
    ),
    Ailment(
        "the app was uninstalled",
        lambda setup: expired(setup, app_installed=False),
        ("credentials",),
        cure="nstall",
        consequences=True,
    ),
    Ailment(
        "the org is suspended",
        lambda setup: expired(setup, org_active=False),
        ("credentials",),
        cure="Ask Salesforce",
        consequences=True,
    ),
    Ailment(
        "the app's addresses are restricted",
        lambda setup: expired(setup, ip_refused=True),
        ("credentials",),
        cure="addresses",
        consequences=True,
    ),
    Ailment(
        "the API is switched off",
        lambda setup: setattr(setup.salesforce, "api_closed", "API_DISABLED_FOR_ORG"),
        ("credentials",),
        cure="API",
        consequences=True,
    ),
    Ailment(
        "the scope api was taken away",
        lambda setup: scopes(setup, "refresh_token", "id"),
        ("scopes",),
        cure="scopes api and refresh_token",
        consequences=True,
    ),
    Ailment(
        "the scope refresh_token is missing",
        lambda setup: scopes(setup, "api", "id"),
        ("scopes",),
        cure="scopes api and refresh_token",
    ),
    Ailment(
        "the API version is retired",
        lambda setup: setattr(setup.salesforce, "versions", range(90, 95)),
        ("API version",),
        cure="SalesforceApiVersion",
        consequences=True,
    ),
    Ailment(
        "the API version does not exist yet",
        lambda setup: setattr(setup.salesforce, "versions", range(31, 50)),
        ("API version",),
        cure="SalesforceApiVersion",
        consequences=True,
    ),
    Ailment(
        "Salesforce is down",
        lambda setup: setup.salesforce.stop(),
        ("Salesforce answers",),
        cure="Wait",
        consequences=True,
    ),
    Ailment("Salesforce answers nothing but errors", only_errors, consequences=True),
    # what our user may do
    Ailment(
        "Field Service is switched off",
        field_service_off,
        ("Field Service", "fields that are written"),
        ("time sheets",),
        cure="Switch Field Service on",
    ),
    Ailment(
        "appointments can't be seen",
        hide("ServiceAppointment"),
        ("Field Service", "fields that are written"),
        cure="permission set",
    ),
    Ailment(
        "assignments can't be seen",
        hide("AssignedResource"),
        ("Field Service",),
        ("fields that are written", "time sheets"),
        cure="permission set",
    ),
    Ailment(
        "the status can't be changed",
        lock("ServiceAppointment.Status"),
        ("fields that are written",),
        cure="permission set",
    ),
    Ailment(
        "the actual start can't be changed",
        lock("ServiceAppointment.ActualStartTime"),
        ("fields that are written",),
        cure="permission set",
    ),
    Ailment(
        "the actual travel time can't be changed",
        lock("AssignedResource.ActualTravelTime"),
        (),
        ("fields that are written",),
        cure="permission set",
    ),
    Ailment(
        "the scheduled start can't be read",
        hide("ServiceAppointment.SchedStartTime"),
        ("fields that are read", "fields that are written"),
        cure="permission set",
    ),
    Ailment(
        "e-mail addresses can't be read",
        hide("User.Email"),
        (),
        ("fields that are read",),
        cure="permission set",
    ),
    Ailment(
        "users can't be seen at all",
        hide("User"),
        (),
        ("fields that are read", "time sheets"),
        cure="permission set",
    ),
    Ailment(
        "Events can't be made",
        lock("Event"),
        (),
        ("Activity",),
        cure="permission set",
    ),
    Ailment("Tasks can't be made", lock("Task"), (), ("Tasks",), cure="permission set"),
    Ailment(
        "work is tracked as orders, and nobody knows where the day begins",
        wanting(hide("OperatingHours"), tracking="orders"),
        (),
        ("sites' time zones",),
        cure="Operating Hours",
    ),
    Ailment(
        "tracking goes by Shifts that can't be seen",
        wanting(hide("Shift"), by_shifts=True),
        ("Shifts",),
        cure="permission set",
    ),
    Ailment(
        "the field for the distance holds no number",
        wanting(short_field, practice=Practice(distance_field="Live_Link__c")),
        (),
        ("travelled distance",),
        cure="Number field",
    ),
    Ailment(
        "a status that the settings name was renamed",
        wanting(
            lambda _: None, practice=Practice(statuses={Category.COMPLETED: "Formerly done"})
        ),
        (),
        ("names in the settings",),
        cure="in the settings",
    ),
    Ailment(
        "the field for the customer's link is too short",
        wanting(short_field, share_field="Live_Link__c"),
        (),
        ("customer's link",),
        cure="255 characters",
    ),
    Ailment(
        "positions are wanted and can't be written",
        wanting(lock("ServiceResource.LastKnownLocationDate"), live_positions=True),
        (),
        ("live positions",),
        cure="permission set",
    ),
    Ailment("appointments take no Activities", no_activity, (), ("Activity",), cure="wanted"),
    Ailment(
        "time sheets can't be seen", hide("TimeSheet"), (), ("time sheets",), cure="wanted"
    ),
    Ailment(
        "time sheet entries can't be made",
        lock("TimeSheetEntry"),
        (),
        ("time sheets",),
        cure="permission set",
    ),
    Ailment(
        "a field of the customer's own is required",
        add("TimeSheetEntry", Field("Category__c", required=True)),
        (),
        ("time sheets",),
        cure="default value",
    ),
    Ailment(
        "no status means that work goes on",
        without_status("InProgress"),
        ("statuses",),
        cure="categories a value",
    ),
    Ailment(
        "the list of statuses can't be seen",
        hide("ServiceAppointmentStatus"),
        ("statuses",),
        cure="read Service Appointment Status",
    ),
    Ailment(
        "Field Service Mobile sets statuses too",
        automatic,
        (),
        ("automatic status change",),
        cure="automatic status change off",
    ),
    Ailment(
        "Field Service Mobile's settings can't be seen",
        hide("FieldServiceMobileSettings"),
        (),
        ("automatic status change",),
        cure="see there yourself",
    ),
    Ailment(
        "our key does not tell Events apart",
        add("Event", Field("Fieldlink_Key__c", external_id=True)),
        (),
        ("external keys",),
        cure="unique",
    ),
    # limits and clocks
    Ailment(
        "nearly all calls are used",
        used_elsewhere(0.9),
        (),
        ("quota",),
        cure="which app",
    ),
    Ailment(
        "all calls are used",
        used_elsewhere(1),
        ("quota",),
        cure="Nothing is lost",
        consequences=True,
    ),
    Ailment("Salesforce's clock is ahead", clock_off(minutes=20), (), ("clock",), cure="wrong"),
    Ailment("our clock is ahead", clock_off(minutes=-20), (), ("clock",), cure="wrong"),
    # our own side
    Ailment(
        "no look got through for two hours",
        lambda setup: looked(setup, hours=2),
        ("last look",),
        cure="PollSalesforce",
    ),
    Ailment(
        "nothing was ever looked at",
        lambda setup: setup.bundle.state.erase(Watermark, CONNECTION),
        (),
        ("last look",),
        cure="PollSalesforce",
    ),
    Ailment("messages wait for the org", held, (), ("waiting",), cure="by themselves"),
    Ailment("something is parked", parked, (), ("parked",), cure="replay"),
    Ailment(
        "messages pile up",
        lambda setup: setup.bundle.changes.put([Message("{}", "g", "k")]),
        (),
        ("queues",),
        cure="do not fall",
    ),
    Ailment("a message was given up", dead_letters, ("dead letters",), cure="redrive"),
    # HyperTrack and mail
    Ailment(
        "HyperTrack does not accept our secret",
        lambda setup: setup.hypertrack.rotate_secret(
            setup.connection.hypertrack_account, "another"
        ),
        ("HyperTrack keys",),
        cure="SecretKey",
    ),
    Ailment("somebody uses two phones", two_phones, (), ("phones",), cure="app removed"),
    Ailment(
        "HyperTrack is down",
        hypertrack_down,
        ("HyperTrack answers",),
        cure="Wait",
        consequences=True,
    ),
    Ailment(
        "the webhook door knows another secret",
        forget_secret,
        ("webhook secret",),
        cure="SecretKey",
    ),
    Ailment(
        "no webhook ever arrived",
        lambda setup: setup.bundle.state.erase(WebhookTested, CONNECTION),
        (),
        ("webhook deliveries",),
        cure="test event",
    ),
    Ailment("the sender is not verified", unverified, ("mail sender",), cure="Verify"),
    Ailment(
        "SES is in its sandbox",
        account(ProductionAccessEnabled=False),
        (),
        ("mail production",),
        cure="production access",
    ),
    Ailment(
        "SES has paused us",
        account(SendingEnabled=False),
        ("mail production",),
        cure="dashboard",
    ),
    Ailment(
        "SES can't be reached",
        lambda setup: setup.ses.answers.__setitem__(0, Answer(503, {})),
        consequences=True,
    ),
)
