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
)

# What AWS does not take just now, and what it failed to do and may do twice, is asked for again
# within the second: after 50 to 100 ms and after 100 to 200. Else one call of thirty that is
# throttled would bring its whole message back, with all its other calls.
TRIES = 3
FIRST_PAUSE = 0.1  # seconds


def throttled(status: int, code: str) -> bool:
    """Whether AWS only has too much to do."""
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
