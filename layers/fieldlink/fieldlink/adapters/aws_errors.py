"""What AWS's errors stand for, and how long to wait after those that pass by themselves."""

from __future__ import annotations

import random
from time import sleep

from fieldlink.errors import FieldlinkError, Refused, Unavailable, Unclear

# Not the caller's fault but the stack's: to be mended, and then tried again.
OURS = (
    "AccessDenied",
    "AuthorizationError",
    "DecryptionFailure",
    "Disabled",
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidSignature",
    "KMS",  # whatever is wrong with the key of a queue, a topic or a bucket
    "NoSuchBucket",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "UnrecognizedClient",
)
# Answers 4xx that mean "not now".
THROTTLED = (
    "Throttl",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "LimitExceeded",
    "TransactionConflict",  # DynamoDB: another transaction is at the same item
    "TransactionInProgress",
)

# What AWS does not take just now, and what it failed to do and may do twice, is asked for again
# after up to 100, 200, 400 and 800 ms. Else one throttled call would bring its message back, or
# its whole batch with all other calls of that: of calls that are throttled three times in ten,
# one of 37 would fail after three tries, and one of 400 does after five.
TRIES = 5
FIRST_PAUSE = 0.1  # seconds


def throttled(status: int, code: str) -> bool:
    """Whether AWS only has too much to do, or is still at what stands in the way."""
    return status == 429 or code.startswith(THROTTLED)


def failure(service: str, status: int, code: str, message: object = "") -> FieldlinkError:
    """What an answer that is an error stands for."""
    code = code or str(status)
    if status >= 500:
        return Unclear(f"{service} answered {status} {code}")
    if throttled(status, code) or code.startswith(OURS):
        return Unavailable(f"{service} answered {code}")
    return Refused(f"{service} answered {code}: {message}", code=code)


def pause_of(number: int) -> float:
    """In seconds: twice as long each time, less up to a half by chance."""
    return FIRST_PAUSE * 2.0**number * random.uniform(0.5, 1)  # noqa: S311 (guards nothing)


def wait(number: int) -> None:
    sleep(pause_of(number))
