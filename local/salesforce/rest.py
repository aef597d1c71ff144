"""The REST resources below /services/data/vNN.0/, one method each.

Source: REST API Developer Guide, "REST Resources" (release 262).
"""

from collections.abc import Callable, Sequence
from typing import Any

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from local.salesforce import batches, composite, graphs, replication, rows, searching
from local.salesforce.calls import Answer, Call, refused
from local.salesforce.describe import described, named
from local.salesforce.errors import Refusal, not_found
from local.salesforce.faults import Faults, answers
from local.salesforce.org import Org

Resource = Callable[..., Answer]

OLDEST_KNOWN = 21  # of the versions that were retired
OLDEST_WITH_GRAPHS = 50


class Api:
    """Answers calls. Knows nothing of HTTP, tokens or quotas."""

    def __init__(self, org: Org, faults: Faults) -> None:
        self.org = org
        self._faults = faults
        self._urls = Map(
            [
                _rule("", "GET", self._root),
                _rule("limits", "GET", self._limits),
                _rule("sobjects", "GET", self._objects),
                _rule("sobjects/<name>", "GET", self._object),
                _rule("sobjects/<name>", "POST", rows.create),
                _rule("sobjects/<name>/describe", "GET", self._describe),
                _rule("sobjects/<name>/updated", "GET", replication.updated),
                _rule("sobjects/<name>/deleted", "GET", replication.deleted),
                _rule("sobjects/<name>/<identifier>", "GET", rows.read),
                _rule("sobjects/<name>/<identifier>", "PATCH", rows.update),
                _rule("sobjects/<name>/<identifier>", "DELETE", rows.delete),
                _rule("sobjects/<name>/<field>/<path:value>", "GET", rows.read_by),
                _rule("sobjects/<name>/<field>/<path:value>", "PATCH", rows.upsert),
                _rule("sobjects/<name>/<field>/<path:value>", "POST", rows.create_by),
                _rule("sobjects/<name>/<field>/<path:value>", "DELETE", rows.delete_by),
                _rule("query", "GET", searching.query),
                _rule("queryAll", "GET", searching.query_all),
                _rule("query/<locator>", "GET", searching.more),
                _rule("queryAll/<locator>", "GET", searching.more),
                _rule("composite/sobjects", "POST", batches.create),
                _rule("composite/sobjects", "PATCH", batches.update),
                _rule("composite/sobjects", "DELETE", batches.delete),
                _rule("composite/sobjects/<name>", "GET", batches.retrieve),
                _rule("composite/sobjects/<name>", "POST", batches.retrieve),
                _rule("composite/sobjects/<name>/<field>", "PATCH", batches.upsert),
                _rule("composite/graph", "POST", self._graphs),
                _rule("composite", "POST", self._composite),
            ]
        )

    def answer(self, call: Call) -> Answer:
        """One call, from inside a composite or from outside; inner faults apply here."""
        fault = self._faults.take(call.method, call.path, call.text) if call.inner else {}
        if answers(fault) and not fault.get("after"):
            return faulty(fault)
        try:
            done = self._dispatch(call)
        except Refusal as refusal:
            done = refused(refusal)
        return faulty(fault) if answers(fault) else done

    def _dispatch(self, call: Call) -> Answer:
        supported(call.version, self.org.rules.versions)
        try:
            resource, values = self._urls.bind("").match(f"/{call.path}", call.method)
        except MethodNotAllowed as error:
            allowed = ", ".join(error.valid_methods or ())
            raise Refusal(
                "METHOD_NOT_ALLOWED",
                f"HTTP Method '{call.method}' not allowed. Allowed are {allowed}",
            ) from None
        except NotFound:
            raise not_found() from None
        with self.org.records.all_or_nothing():
            done: Answer = resource(self.org, call, **values)
        return done

    def _composite(self, _org: Org, call: Call) -> Answer:
        return composite.answer(self.org, call, self.answer)

    def _graphs(self, _org: Org, call: Call) -> Answer:
        if int(call.version[1:-2]) < OLDEST_WITH_GRAPHS:
            raise not_found()
        return graphs.answer(self.org, call, self.answer)

    def _root(self, org: Org, call: Call) -> Answer:
        names = ("sobjects", "query", "queryAll", "composite", "limits")
        resources = {name: f"/services/data/{call.version}/{name}" for name in names}
        host = call.headers.get("host", "")
        identity = f"http://{host}/id/{org.rules.org_id}/{call.actor.user}"
        return Answer(200, resources | {"identity": identity})

    def _limits(self, org: Org, _call: Call) -> Answer:
        left = max(0, org.rules.daily_limit - org.calls_used())
        return Answer(
            200, {"DailyApiRequests": {"Max": org.rules.daily_limit, "Remaining": left}}
        )

    def _objects(self, org: Org, call: Call) -> Answer:
        shown = [each for each in org.objects.values() if each.name not in org.rules.no_access]
        objects = [named(each, org.rules, call.version) for each in shown]
        return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})

    def _object(self, org: Org, call: Call, name: str) -> Answer:
        sobject = org.sobject(name)
        about = named(sobject, org.rules, call.version)
        return Answer(200, {"objectDescribe": about, "recentItems": []})

    def _describe(self, org: Org, call: Call, name: str) -> Answer:
        sobject = org.sobject(name)
        return Answer(200, described(sobject, org.rules, call.version, org.objects))


def supported(version: str, offered: Sequence[int]) -> None:
    """What is older than the versions on offer is retired and answers 410; as 21.0 to 30.0
    have since 2025. All others are unknown."""
    number = int(version[1:-2]) if version[1:-2].isdigit() and version.endswith(".0") else 0
    if OLDEST_KNOWN <= number < min(offered):
        raise Refusal("GONE", "The requested resource has been retired or removed")
    if number not in offered or version != f"v{number}.0":
        raise not_found()


def versions(offered: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {
            "label": f"API {number}",
            "url": f"/services/data/v{number}.0",
            "version": f"{number}.0",
        }
        for number in offered
    ]


def faulty(fault: dict[str, Any]) -> Answer:
    """The answer that a fault asks for."""
    if "errorCode" in fault:
        refusal = Refusal(
            fault["errorCode"],
            fault.get("message", "injected fault"),
            fault.get("fields", []),
            fault.get("status"),
        )
        return refused(refusal)
    if "error" in fault:
        body: Any = {
            "error": fault["error"],
            "error_description": fault.get("error_description", ""),
        }
        return Answer(fault.get("status", 400), body)
    body = fault.get("body", "")
    kind = "text/html;charset=UTF-8" if isinstance(body, str) else "application/json"
    return Answer(fault.get("status", 503), body, {"Content-Type": kind})


def _rule(path: str, method: str, resource: Resource) -> Rule:
    return Rule(f"/{path}", methods=[method], endpoint=resource, strict_slashes=False)
