"""The bundle, built and deployed on this machine: the real template on a pretended AWS."""

import json
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import fixups
from local.ministack import Ministack, wait_until
from local.runtime import adapt, build

NAME = "fieldlink"
BUCKET = "artifacts"
MAIL_FROM = "dispatch@fieldlink.example"
APP = {"client_id": "fieldlink-client-id", "client_secret": "fieldlink-client-secret"}
QUEUES = ("Polls", "Changes", "Invites", "Events", "Bursts")


class Stack:
    """Up while it is entered; goes with this process, however that ends."""

    def __init__(
        self,
        *,
        salesforce_url: str,
        hypertrack_url: str,
        directory: Path | None = None,
        built: Path | None = None,
        parameters: dict[str, str] | None = None,
        clock: Path | None = None,
    ) -> None:
        """Builds the bundle unless `built` is where it lies; `directory` takes its files.

        `clock`: what the functions go by instead of the real time, see `lambda_clock`.
        """
        self._clock = clock
        self._directory = directory
        self._built = built
        self._parameters = {
            "SalesforceLoginUrl": salesforce_url,
            "SalesforceClientId": APP["client_id"],
            "SalesforceClientSecret": APP["client_secret"],
            "HyperTrackApiUrl": hypertrack_url,
            "MailFrom": MAIL_FROM,
        } | (parameters or {})

    def __enter__(self) -> Self:
        built = self._built or build()
        self._aws = Ministack(self._directory)
        try:
            self._deploy(built)
        except BaseException:
            self._aws.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._aws.close()

    def client(self, service: str) -> Any:
        """A boto3 client that may do everything."""
        return self._aws.client(service)

    @property
    def api_url(self) -> str:
        return f"http://{self._ids['ServerlessHttpApi']}.execute-api.localhost:{self._aws.port}"

    @property
    def outputs(self) -> dict[str, str]:
        stack = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def function_name(self, logical_id: str) -> str:
        return self._ids[logical_id]

    def queue_url(self, logical_id: str) -> str:
        return self._ids[logical_id]

    def secret_id(self, logical_id: str) -> str:
        return self._ids[logical_id]

    def invoke(self, logical_id: str, payload: dict[str, Any]) -> Any:
        """What the function answers; raises RuntimeError with what it raised."""
        answer = self.client("lambda").invoke(
            FunctionName=self._ids[logical_id], Payload=json.dumps(payload)
        )
        body = json.loads(answer["Payload"].read() or "null")
        if "FunctionError" in answer:
            raise RuntimeError(f"{logical_id}: {body}")
        return body

    def queue_depths(self) -> dict[str, tuple[int, int]]:
        """Per queue, dead-letter queues too: messages to be had, messages in flight or delayed.

        All in one look, so a message on its way from queue to queue is in one of them.
        """
        held, depths = self._aws.queues(), {}
        for name in (*QUEUES, *(f"Dead{queue}" for queue in QUEUES)):
            messages = held.get(self._ids[name].rpartition("/")[2], [])
            visible = sum(message["IsVisible"] for message in messages)
            depths[name] = visible, len(messages) - visible
        return depths

    def messages_in(self, logical_id: str) -> int:
        """What AWS tells of a queue: all its messages, to be had or not."""
        told = self.client("sqs").get_queue_attributes(
            QueueUrl=self._ids[logical_id],
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )
        return sum(map(int, told["Attributes"].values()))

    def settled(self, timeout: float = 60) -> None:
        """Waits until no queue but the dead-letter queues holds anything, delayed or not."""

        def idle() -> bool:
            depths = self.queue_depths()
            return all(depths[queue] == (0, 0) for queue in QUEUES)

        wait_until(idle, timeout=timeout, what="the queues to run empty")

    def mails(self) -> list[dict[str, Any]]:
        """All mails sent so far, with To, Subject, BodyText and BodyHtml."""
        return self._aws.mails()

    def logs(self) -> list[str]:
        """All lines that functions have logged so far."""
        pages = self.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=self._ids["Logs"])
        return [event["message"] for page in found for event in page["events"]]

    def update(self, built: Path) -> None:
        """Another build over the one that runs, as `sam deploy` does."""
        self._apply("update", self._uploaded(built), PublicUrl=self.api_url)
        fixups.apply(self.client, NAME)

    def _deploy(self, built: Path) -> None:
        self.client("s3").create_bucket(Bucket=BUCKET)
        template = self._uploaded(built)
        self.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
        self._apply("create", template)
        # The API's address is known only now; an operator with a domain knows it before.
        self._apply("update", template, PublicUrl=self.api_url)
        fixups.apply(self.client, NAME)

    def _uploaded(self, built: Path) -> dict[str, Any]:
        """The template of a build whose code lies where it says."""
        template, packages = adapt(built, BUCKET, self._clock)
        for key, content in packages.items():
            self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
        return template

    def _apply(self, verb: str, template: dict[str, Any], **more: str) -> None:
        cloudformation, values = self.client("cloudformation"), self._parameters | more
        getattr(cloudformation, f"{verb}_stack")(
            StackName=NAME,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
            ],
        )
        cloudformation.get_waiter(f"stack_{verb}_complete").wait(
            StackName=NAME, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
        )

    @cached_property
    def _ids(self) -> dict[str, str]:
        """Physical ids by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages.paginate(StackName=NAME)
            for each in page["StackResourceSummaries"]
        }
