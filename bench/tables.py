"""DynamoDB in memory, as far as this bundle uses it: thousands of items, and quick.

It knows the few expressions that are sent to it and refuses all others.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from threading import RLock
from typing import Any

from bench.statements import put_of

Json = dict[str, Any]
Action = Callable[[Json], Json]
LOST_RACE = "ConditionalCheckFailedException"


class Refusal(Exception):
    """An answer 400."""


class Tables:
    def __init__(self) -> None:
        self._lock = RLock()
        self._items: defaultdict[str, dict[str, Json]] = defaultdict(dict)  # by pk, then sk
        self._actions: dict[str, Action] = {
            "GetItem": self._get_item,
            "Query": self._query,
            "BatchGetItem": self._batch_get_item,
            "PutItem": self._put_item,
            "UpdateItem": self._update_item,
            "DeleteItem": self._delete_item,
            "BatchWriteItem": self._batch_write_item,
            "TransactWriteItems": self._transact_write_items,
            "BatchExecuteStatement": self._batch_execute_statement,
        }

    def answer(self, action: str, asked: Json) -> tuple[int, bytes]:
        with self._lock:
            try:
                told = self._actions[action](asked)
            except Refusal as refusal:
                return 400, json.dumps({"__type": str(refusal)}).encode()
        return 200, json.dumps(told).encode()

    def _get_item(self, asked: Json) -> Json:
        found = self._find(asked["Key"])
        return {"Item": found} if found else {}

    def _query(self, asked: Json) -> Json:
        values = {name: each["S"] for name, each in asked["ExpressionAttributeValues"].items()}
        fits: dict[str, Callable[[str], bool]] = {
            "pk = :pk": lambda _: True,
            "pk = :pk AND sk < :links": lambda sk: sk < values[":links"],
            "pk = :pk AND begins_with(sk, :links)": lambda sk: sk.startswith(values[":links"]),
            "pk = :pk AND begins_with(sk, :sk)": lambda sk: sk.startswith(values[":sk"]),
            "pk = :pk AND sk BETWEEN :first AND :last": lambda sk: (
                values[":first"] <= sk <= values[":last"]
            ),
        }
        wanted = fits[asked["KeyConditionExpression"]]
        of = self._items[values[":pk"]]
        order = sorted(of, reverse=not asked.get("ScanIndexForward", True))
        return {"Items": [of[sk] for sk in order if wanted(sk)][: asked.get("Limit")]}

    def _batch_get_item(self, asked: Json) -> Json:
        found = {
            table: [each for each in map(self._find, wanted["Keys"]) if each]
            for table, wanted in asked["RequestItems"].items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _put_item(self, asked: Json) -> Json:
        self._check(asked, asked["Item"])
        self._put(asked["Item"])
        return {}

    def _update_item(self, asked: Json) -> Json:
        if asked["UpdateExpression"] != "ADD calls :calls SET #ttl = :ttl":
            raise LookupError(asked)
        values, before = asked["ExpressionAttributeValues"], self._find(asked["Key"]) or {}
        calls = int(values[":calls"]["N"]) + int(before.get("calls", {"N": "0"})["N"])
        self._put({**asked["Key"], "calls": {"N": str(calls)}, "ttl": values[":ttl"]})
        return {}

    def _delete_item(self, asked: Json) -> Json:
        self._check(asked, asked["Key"])
        pk, sk = _names(asked["Key"])
        removed = self._items[pk].pop(sk, None)
        return {"Attributes": removed} if removed else {}

    def _batch_write_item(self, asked: Json) -> Json:
        for table in asked["RequestItems"].values():
            for each in table:
                self._put(each["PutRequest"]["Item"])
        return {"UnprocessedItems": {}}

    def _transact_write_items(self, asked: Json) -> Json:
        for each in asked["TransactItems"]:
            if "ConditionCheck" in each:
                self._check(each["ConditionCheck"], each["ConditionCheck"]["Key"])
        for each in asked["TransactItems"]:
            if "Put" in each:
                self._put(each["Put"]["Item"])
        return {}

    def _batch_execute_statement(self, asked: Json) -> Json:
        return {"Responses": [self._statement(each) for each in asked["Statements"]]}

    def _statement(self, statement: Json) -> Json:
        put = put_of(statement)
        found = self._find(put.key)
        if (found and found["version"]) != put.before:
            code = "ConditionalCheckFailed" if put.before else "DuplicateItem"
            return {"Error": {"Code": code}}
        self._put((found or {}) | put.item)
        return {}

    def _check(self, asked: Json, key: Json) -> None:
        found, values = self._find(key) or {}, asked.get("ExpressionAttributeValues", {})
        match asked.get("ConditionExpression"):
            case None:
                fits = True
            case "attribute_not_exists(pk)":
                fits = not found
            case "version = :version":
                fits = found.get("version") == values[":version"]
            case ("body = :body" | "whole = :whole") as condition:
                name = condition.partition(" ")[0]
                fits = found.get(name) == values[f":{name}"]
            case other:
                raise LookupError(other)
        if not fits:
            raise Refusal(LOST_RACE)

    def _find(self, key: Json) -> Json | None:
        pk, sk = _names(key)
        return self._items[pk].get(sk)

    def _put(self, item: Json) -> None:
        pk, sk = _names(item)
        self._items[pk][sk] = item


def _names(key: Json) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]
