"""Dead letters. Neither moto nor ministack moves them, so what SQS is asked is looked at."""

import json

import pytest

from fieldlink.adapters.sqs import SqsOutbox
from fieldlink.errors import Refused
from tests.adapters.scripted import Answer, scripted

DEAD = "arn:aws:sqs:eu-central-1:123456789012:DeadEvents.fifo"
POLICY = json.dumps({"deadLetterTargetArn": DEAD, "maxReceiveCount": 30})
URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/Events.fifo"


def test_dead_letters_are_moved_back_to_the_queue_that_they_came_from() -> None:
    told = Answer(200, {"Attributes": {"RedrivePolicy": POLICY}})
    with scripted(told, Answer(200, {"TaskHandle": "t"})) as script:
        SqsOutbox(script.aws, URL).redrive()

    [_, moved] = script.asked
    assert moved.headers["x-amz-target"] == "AmazonSQS.StartMessageMoveTask"
    assert moved.json == {"SourceArn": DEAD}


def test_a_queue_without_dead_letters_has_nothing_to_move() -> None:
    with scripted(Answer(200, {"Attributes": {}})) as script:
        with pytest.raises(Refused, match="no dead-letter queue"):
            SqsOutbox(script.aws, URL).redrive()

        assert len(script.asked) == 1


def test_a_move_that_goes_on_already_is_said_in_sqs_own_words() -> None:
    told = Answer(200, {"Attributes": {"RedrivePolicy": POLICY}})
    busy = {"__type": "com.amazonaws.sqs#UnsupportedOperation", "message": "already a task"}
    with scripted(told, Answer(400, busy)) as script, pytest.raises(Refused, match="already"):
        SqsOutbox(script.aws, URL).redrive()
