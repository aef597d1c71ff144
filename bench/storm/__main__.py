"""A storm of webhooks on the stack as it is deployed: python -m bench.storm [--events N].

Every trial ends with a comparison of what stands in Salesforce with what must stand there, told
from the visits alone. Nothing of the bundle is used for that.
"""

import random
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime

from bench.storm import books
from bench.storm.fleet import FACTS, FACTS_OF_A_VISIT, OF_A_DELIVERY, deliveries
from bench.storm.posting import Posted, post_all
from bench.storm.trial import say, trial

CONNECTIONS, DEVICES = 10, 2_000
SEED = 20260304
QUIET, OF_QUIET = 4, 10  # quiet connections, and technicians of each
NOISE = 2_000  # events of the noisy one
TICKS_OF_AN_HOUR = 12
OF_AN_OUTAGE = 500  # events, at most; what a tick leads to has to drain within a minute here
LONGEST_AT_REST = 5  # seconds from the webhook into Salesforce


def main() -> int:
    parser = ArgumentParser(prog="bench.storm", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    events = parser.parse_args().events
    problems = [
        *at_rest(),
        *neighbours(min(NOISE, events)),
        *storm(events),
        *outage(max(60, min(OF_AN_OUTAGE, events // 50))),
    ]
    for each in problems:
        say(f"NOT AS IT SHOULD BE: {each}")
    say("As it should be." if not problems else f"{len(problems)} problems.")
    return 1 if problems else 0


def at_rest() -> list[str]:
    """One delivery at a time: how long an arrival takes into Salesforce."""
    with trial(1) as one:
        fleet = one.fleet(people=OF_QUIET, visits=OF_QUIET)
        since, chance = datetime.now(UTC), random.Random(SEED)
        with one.watched() as seen:
            for each in deliveries(fleet, OF_QUIET * FACTS_OF_A_VISIT, chance, each=1):
                post_all([each, each])  # and again, as HyperTrack does that saw no answer
                one.drained()
        found = books.told(one.town.stack, since, seen)
        middle, most = found.lag(fleet.connection)
        say(f"at rest: webhook to Salesforce {middle:.2f} s (median), {most:.2f} s (p99)")
        late = [f"it takes {middle:.1f} s"] if middle > LONGEST_AT_REST else []
        return [*one.problems(), *late]


def neighbours(noise: int) -> list[str]:
    """Quiet connections alone, then behind one that sends much at once."""
    with trial(QUIET + 1) as several:
        quiet = [several.fleet(people=OF_QUIET, visits=2 * OF_QUIET) for _ in range(QUIET)]
        noisy = several.fleet(people=noise // 20, visits=noise // FACTS_OF_A_VISIT)
        chance = random.Random(SEED)
        count = 2 * OF_QUIET * FACTS_OF_A_VISIT
        trickle = [deliveries(each, count, chance, each=OF_QUIET) for each in quiet]
        told = []
        for turn, loud in ((0, []), (1, deliveries(noisy, noise, chance))):
            since = datetime.now(UTC)
            with several.watched() as seen:
                post_all([*loud, *(each for some in trickle for each in some[turn::2])])
                several.drained()
            told.append(books.told(several.town.stack, since, seen))
        names = [each.connection for each in quiet]
        alone, beside = (each.lag(*names) for each in told)
        of_noise = told[-1].lag(noisy.connection)
        say(
            f"{QUIET} quiet connections: {alone[0]:.2f} s (median), {alone[1]:.2f} s (p99) "
            f"alone; {beside[0]:.2f} s, {beside[1]:.2f} s behind {noise} events of another, "
            f"whose own took {of_noise[0]:.2f} s, {of_noise[1]:.2f} s"
        )
        starved = beside[0] > max(LONGEST_AT_REST, of_noise[0])
        late = ["the quiet ones wait as long as the noisy one"] if starved else []
        return [*several.problems(), *late]


def storm(events: int) -> list[str]:
    """All at once, from all connections, in disorder and with repetitions."""
    visits = events * FACTS // 100 // FACTS_OF_A_VISIT // CONNECTIONS
    people = min(DEVICES // CONNECTIONS, max(1, visits // 4))
    with trial(CONNECTIONS) as all_:
        chance = random.Random(SEED)
        crowd = [all_.fleet(people=people, visits=visits) for _ in range(CONNECTIONS)]
        sent = [
            each for one in crowd for each in deliveries(one, events // CONNECTIONS, chance)
        ]
        chance.shuffle(sent)
        stack, since = all_.town.stack, datetime.now(UTC)
        calls, before, began = all_.org.api_calls, books.puts(stack), time.monotonic()
        rows = books.told(stack, since)
        posted = post_all(sent)
        all_.drained()
        all_.town.take_up()  # what the door had to keep, if anything
        say_posted(posted)
        took = time.monotonic() - began
        found = books.told(stack, since)
        facts = visits * CONNECTIONS * FACTS_OF_A_VISIT
        say(f"worked off {took:.0f} s after the first: {posted.events / took:.0f} a second")
        say(f"ledger: {found.rows} rows, {dict(found.outcomes)}, {found.links} links")
        after, units = books.puts(stack), found.units - rows.units
        say_taken(facts, calls=all_.org.api_calls - calls, puts=after.puts - before.puts)
        say_paid(posted, facts, units + after.units - before.units)
        return [*all_.problems(), *lost(posted, found)]


def lost(posted: Posted, found: books.Told) -> list[str]:
    missing, parked = posted.events - found.rows, found.outcomes["parked"]
    return [
        *([f"{posted.refused} deliveries were never taken"] if posted.refused else []),
        *([f"{missing} events have no outcome in the ledger"] if missing else []),
        *([f"{parked} parked"] if parked else []),
    ]


def outage(events: int) -> list[str]:
    """An hour without Salesforce: everything waits, and drains inside the quota."""
    visits = events // FACTS_OF_A_VISIT
    with trial(1, followed=True) as one:
        fleet = one.fleet(people=max(1, visits // 4), visits=visits)
        one.org.faults.append({"status": 503, "body": "busy", "times": None})
        sent = deliveries(fleet, visits * FACTS_OF_A_VISIT, random.Random(SEED))
        posted = post_all(sent)
        one.drained()
        for _ in range(TICKS_OF_AN_HOUR):
            one.tick()
        one.org.faults.clear()
        calls, began, ticks = one.org.api_calls, time.monotonic(), 0
        while not one.done and ticks < TICKS_OF_AN_HOUR:
            ticks += 1
            one.tick()
            one.drained()
        say(
            f"after an hour without Salesforce: {posted.events} events were "
            f"{'' if one.done else 'NOT '}worked off within {ticks} ticks "
            f"({time.monotonic() - began:.0f} s here), in {one.org.api_calls - calls} calls, "
            "looks for changes among them"
        )
        return one.problems()


def say_posted(posted: Posted) -> None:
    say(
        f"{posted.deliveries} deliveries of up to {OF_A_DELIVERY} events, {posted.events} "
        f"events in all, taken in {posted.seconds:.0f} s, {posted.repeated} after another try; "
        f"answered after {posted.median:.0f} ms (median), {posted.p99:.0f} ms (p99)"
    )


def say_taken(facts: int, *, calls: int, puts: int) -> None:
    say(f"Salesforce: {calls} calls for {facts} facts, {calls / facts:.3f} each")
    say(f"state: {puts} puts, {puts / facts:.2f} for a fact")


def say_paid(posted: Posted, facts: int, units: int) -> None:
    paid = books.dollars(deliveries=posted.deliveries, events=posted.events, units=units)
    say(
        f"dollars for requests of API, door and queue, and for {units} write units: "
        f"{paid / posted.events * 1e6:.2f} for a million webhooks, "
        f"{paid / facts * 1e6:.2f} for a million facts"
    )


if __name__ == "__main__":
    sys.exit(main())
