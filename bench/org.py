"""A process of its own: the simulated org that is looked at. Told on stdout, a line each.

Asked on stdin: "calls" is how many calls of its API there were; "soql" is how appointments were
asked for last.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from local.salesforce import FakeSalesforce

LONG_AGO = timedelta(hours=2)  # further back than any look without being asked for everything


class Clock:
    """Runs behind until everything is filled in, so that nothing is new any more."""

    behind = LONG_AGO

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self.behind


def main() -> None:
    clock = Clock()
    with FakeSalesforce(clock=clock, session_minutes=24 * 60) as org:
        fill(org, int(sys.argv[1]), clock())
        clock.behind = timedelta()
        token = org.oauth.session_for(org.integration_user_id).access_token
        tell({"url": org.url, "token": token})
        for line in sys.stdin:
            tell(org.api_calls if line.strip() == "calls" else asked(org))


def tell(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def fill(org: FakeSalesforce, count: int, now: datetime) -> None:
    """So many appointments: the first by hand, the others as copies of its row."""
    first = org.add_appointment(
        org.add_resource("Rosa Fuller", "rosa.fuller@example.com"),
        now,
        Subject="Boiler",
        Street="Pariser Platz 1",
        City="Berlin",
        PostalCode="10117",
        Country="Germany",
        Latitude=52.516275,
        Longitude=13.377704,
    )
    org.update("ServiceAppointment", first, Status="Scheduled")
    row = org.org.store.get("ServiceAppointment", first) or {}
    for number in range(1, count):
        own = {
            "Id": org.org.records.new_id("ServiceAppointment"),
            "AppointmentNumber": f"SA-{number:05}",
            "Subject": f"Boiler {number}",
            "Latitude": 52.0 + number / count,
            "Street": f"Pariser Platz {number}",
        }
        org.org.store.put("ServiceAppointment", row | own)


def asked(org: FakeSalesforce) -> str:
    """The query for appointments in the last Composite that had one."""
    for request in reversed(org.requests):
        for part in json.loads(request.body or "{}").get("compositeRequest", ()):
            soql: str = parse_qs(urlsplit(part["url"]).query)["q"][0]
            if "FROM ServiceAppointment" in soql:
                return soql
    raise LookupError("nobody has asked for appointments")


if __name__ == "__main__":
    main()
