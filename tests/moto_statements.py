"""Holds moto to the conditions of PartiQL's writes, which it carries out whatever they say.

What is asked is put by moto itself, under the condition that the statement stands for. The
emulator of AWS reads PartiQL by itself, and the same contract is run on it: see
`adapters/test_dynamodb_statements.py`.
"""

from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import DynamoDBBackend

from bench.statements import put_of

Json = dict[str, Any]


def held_to_conditions(self: DynamoDBBackend, statements: list[Json]) -> list[Json]:
    return [_answer(self, each) for each in statements]


def _answer(backend: DynamoDBBackend, statement: Json) -> Json:
    put = put_of(statement)
    stored = backend.get_item(put.table, put.key) if put.before else None
    before = stored.to_json()["Attributes"] if stored else {}
    try:
        backend.put_item(
            put.table,
            before | put.item,
            condition_expression="version = :v" if put.before else "attribute_not_exists(pk)",
            expression_attribute_values={":v": put.before} if put.before else {},
        )
    except ConditionalCheckFailed:
        code = "ConditionalCheckFailed" if put.before else "DuplicateItem"
        return {"Error": {"Code": code, "Message": "The conditional request failed"}}
    return {"TableName": put.table}


DynamoDBBackend.batch_execute_statement = held_to_conditions  # type: ignore[method-assign]
