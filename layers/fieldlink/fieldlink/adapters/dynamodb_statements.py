"""Conditional writes of several items in one call, as statements of PartiQL.

DynamoDB's other batch knows no conditions, and its transactions cost twice as much. Statements
of a batch do not hang on each other: each has an answer of its own and costs what a plain put
does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.adapters.aws_errors import failure, throttled
from fieldlink.adapters.dynamodb_items import NEVER
from fieldlink.errors import FieldlinkError, Unclear

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fieldlink.adapters.aws import Aws
    from fieldlink.adapters.dynamodb_items import Item

STATEMENTS = 25  # that BatchExecuteStatement takes
BATCH_TRIES = 5  # for the part of a batch that DynamoDB leaves out when it is busy
# There is none in that version any more; there is one already.
LOST_RACES = {"ConditionalCheckFailed", "DuplicateItem"}
FAILED = "InternalServerError"  # it may have been carried out

type Answer = bool | FieldlinkError


class Put(NamedTuple):
    """An item that takes the place of the version before it; of none if that is 0."""

    item: Item
    before: int

    @property
    def still(self) -> dict[str, Any]:
        """The condition that that version stands there."""
        if not self.before:
            return {"ConditionExpression": "attribute_not_exists(pk)"}
        return {
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": {"N": str(self.before)}},
        }


def put_each(aws: Aws, table: str, puts: Sequence[Put]) -> list[Answer]:
    """For each of different items: True if it was put, False if another version stood there,
    or why that is not known.
    """
    return [
        answer
        for start in range(0, len(puts), STATEMENTS)
        for answer in _in_full(aws, table, puts[start : start + STATEMENTS])
    ]


def _in_full(aws: Aws, table: str, puts: Sequence[Put]) -> list[Answer]:
    """Those that DynamoDB left out are tried again, and no others."""
    answers: dict[int, Answer] = {}
    left = list(range(len(puts)))
    for number in range(BATCH_TRIES):
        errors = _errors(aws, table, [puts[each] for each in left])
        told = dict(zip(left, errors, strict=True))
        answers |= {each: _answer(error) for each, error in told.items()}
        left = [each for each, error in told.items() if _busy(error)]
        if not left or number == BATCH_TRIES - 1:
            break
        aws.pause(number)
    return [answers[each] for each in range(len(puts))]


def _errors(
    aws: Aws, table: str, puts: Sequence[Put]
) -> Sequence[Mapping[str, str] | FieldlinkError]:
    """What DynamoDB has against each of them; what the whole call met, it met for each."""
    statements = [_statement(table, each) for each in puts]
    try:
        told = aws.call("dynamodb", "BatchExecuteStatement", {"Statements": statements})
    except FieldlinkError as error:
        return [error] * len(puts)
    errors = [each.get("Error", {}) for each in told.get("Responses", ())]
    if len(errors) != len(puts):
        return [Unclear(f"{len(errors)} answers to {len(puts)} statements")] * len(puts)
    return errors


def _busy(error: Mapping[str, str] | FieldlinkError) -> bool:
    return not isinstance(error, FieldlinkError) and throttled(400, error.get("Code", ""))


def _answer(error: Mapping[str, str] | FieldlinkError) -> Answer:
    if isinstance(error, FieldlinkError):
        return error
    if not error:
        return True
    code = error.get("Code", "")
    if code in LOST_RACES:
        return False
    unclear = code in {FAILED, ""}
    return failure("dynamodb", 500 if unclear else 400, code, error.get("Message", ""))


def _statement(table: str, put: Put) -> dict[str, Any]:
    """A statement takes no attribute away. What is put so lacks none that the version before it
    may have had, but the time at which it may be forgotten: then that is never.
    """
    item = put.item
    if not put.before:
        names = ", ".join(f"'{name}': ?" for name in item)
        text, values = f'INSERT INTO "{table}" VALUE {{{names}}}', [*item.values()]
    else:
        lacks = {} if "whole" in item else {"ttl": NEVER}  # what is whole never had it
        new = {**lacks, **item}
        del new["pk"], new["sk"]
        changes = " ".join(f'SET "{name}" = ?' for name in new)
        still = '"pk" = ? AND "sk" = ? AND "version" = ?'
        text = f'UPDATE "{table}" {changes} WHERE {still}'
        values = [*new.values(), item["pk"], item["sk"], {"N": str(put.before)}]
    return {"Statement": text, "Parameters": values}
