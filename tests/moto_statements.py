"""Holds moto to the conditions of PartiQL's writes, which it carries out whatever they say.

What is asked is put by moto itself, under the condition that the statement stands for. What it
does not understand it refuses. Against the emulator, which reads PartiQL in its own way, the
same contract is run: see `adapters/test_dynamodb_statements.py`.
"""

import re
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import DynamoDBBackend

INSERT = re.compile(r"""INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<names>[^}]*)\}""")
UPDATE = re.compile(
    r"""UPDATE "(?P<table>[^"]+)"(?P<sets>( SET "\w+" = \?)+) WHERE (?P<still>.+)"""
)
type Json = dict[str, Any]


def held_to_conditions(self: DynamoDBBackend, statements: list[Json]) -> list[Json]:
    return [_answer(self, each["Statement"], each["Parameters"]) for each in statements]


def _answer(backend: DynamoDBBackend, text: str, values: list[Json]) -> Json:
    if told := INSERT.fullmatch(text):
        names = re.findall(r"'(\w+)': \?", told["names"])
        item, lost = dict(zip(names, values, strict=True)), "DuplicateItem"
        condition: tuple[str, Json] = ("attribute_not_exists(pk)", {})
    elif told := UPDATE.fullmatch(text):
        names = re.findall(r'SET "(\w+)" = \?', told["sets"])
        keys = re.findall(r'"(\w+)" = \?', told["still"])
        changes = dict(zip(names, values[: len(names)], strict=True))
        still = dict(zip(keys, values[len(names) :], strict=True))
        key = {each: still.pop(each) for each in ("pk", "sk")}
        stored = backend.get_item(told["table"], key)
        item = (stored.to_json()["Attributes"] if stored else key) | changes
        lost = "ConditionalCheckFailed"
        condition = (
            " AND ".join(["attribute_exists(pk)", *(f"{each} = :{each}" for each in still)]),
            {f":{each}": value for each, value in still.items()},
        )
    else:
        return {"Error": {"Code": "ValidationError", "Message": f"not understood: {text}"}}
    try:
        backend.put_item(
            told["table"],
            item,
            condition_expression=condition[0],
            expression_attribute_values=condition[1],
        )
    except ConditionalCheckFailed:
        return {"Error": {"Code": lost, "Message": "The conditional request failed"}}
    return {"TableName": told["table"]}


DynamoDBBackend.batch_execute_statement = held_to_conditions  # type: ignore[method-assign]
