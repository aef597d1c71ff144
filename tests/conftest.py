"""What several folders of tests share: AWS by moto, the two simulators, the house on them."""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

import tests.moto_statements  # noqa: F401  (moto's PartiQL holds conditions from there on)
from fieldlink.config import AwsAccess, Settings
from fieldlink.observability import logger
from fieldlink.wiring import Services, services
from local.cloudformation import read_template
from local.hypertrack import FakeHyperTrack
from local.salesforce import FakeSalesforce

TEMPLATE = read_template(Path(__file__).resolve().parent.parent / "template.yaml")
ACCOUNT, SECRET_KEY = "account-of-the-tests", "hypertrack-secret-of-the-tests"
CLIENT_SECRET, CONSOLE_KEY = "salesforce-secret-of-the-tests", "console-key-of-the-tests"
NO_KEY = TEMPLATE["Resources"]["SalesforceJwtKey"]["Properties"]["SecretString"]
ROSA, ROSAS_MAIL = "Rosa Fuller", "rosa.fuller@example.com"
SITE = (52.516275, 13.377704)
SENDER = "office@example.com"


class Pretended(NamedTuple):
    """An AWS of our own: how to get in, and what it holds."""

    access: AwsAccess
    settings: Settings

    def client(self, service: str) -> Any:
        """Not our adapter: what tests look at AWS with."""
        return _client(service, self.access)

    def queued(self, url: str) -> list[str]:
        """The bodies that lie in a queue, which is empty afterwards."""
        sqs, bodies = self.client("sqs"), []
        wanted = {"QueueUrl": url, "MaxNumberOfMessages": 10}
        while found := sqs.receive_message(**wanted).get("Messages"):
            for each in found:
                bodies.append(each["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return bodies


@cache
def _client(service: str, access: AwsAccess) -> Any:
    return boto3.client(
        service,
        endpoint_url=access.endpoint,
        region_name=access.region,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
    )


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto: str, salesforce: FakeSalesforce, hypertrack: FakeHyperTrack) -> Pretended:
    """Tables, queues, key and secrets as template.yaml declares them, all empty."""
    requests.post(f"{moto}/moto-api/reset", timeout=10)
    access = AwsAccess("eu-central-1", "access-key", "secret-key", None, moto)
    empty = Pretended(access, Settings(*("" for _ in Settings._fields)))
    defaults = {name: each.get("Default") for name, each in TEMPLATE["Parameters"].items()}
    made = defaults | _made(empty, salesforce)
    made |= {"SalesforceLoginUrl": salesforce.url, "HyperTrackApiUrl": hypertrack.url}
    made |= {"MailFrom": SENDER}
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    named = {name: made[_named(value)] for name, value in variables.items()}
    return Pretended(access, Settings(*(str(named[each.upper()]) for each in Settings._fields)))


def _named(value: dict[str, Any]) -> str:
    return str(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])


def _made(aws: Pretended, salesforce: FakeSalesforce) -> dict[str, str]:
    makers: dict[str, Callable[[Pretended, str, dict[str, Any]], str]] = {
        "AWS::DynamoDB::Table": _table,
        "AWS::SQS::Queue": _queue,
        "AWS::KMS::Key": lambda aws, *_: aws.client("kms").create_key()["KeyMetadata"]["Arn"],
        "AWS::S3::Bucket": _bucket,
        "AWS::SNS::Topic": lambda aws, name, _: aws.client("sns").create_topic(Name=name)[
            "TopicArn"
        ],
        "AWS::SES::ConfigurationSet": lambda _aws, name, _: name,
    }
    made = {
        name: str(makers[each["Type"]](aws, name, each.get("Properties", {})))
        for name, each in TEMPLATE["Resources"].items()
        if each["Type"] in makers
    }
    app = f'{{"client_id":"{salesforce.client_id}","client_secret":"{CLIENT_SECRET}"}}'
    secrets = {"SalesforceApp": app, "SalesforceJwtKey": NO_KEY, "ConsoleKey": CONSOLE_KEY}
    for name, text in secrets.items():
        manager = aws.client("secretsmanager")
        made[name] = manager.create_secret(Name=name, SecretString=text)["ARN"]
    return made


def _table(aws: Pretended, name: str, properties: dict[str, Any]) -> str:
    wanted = ("AttributeDefinitions", "KeySchema", "BillingMode")
    properties = {each: properties[each] for each in wanted}
    aws.client("dynamodb").create_table(TableName=name, **properties)
    return name


def _bucket(aws: Pretended, name: str, _: dict[str, Any]) -> str:
    """Of the region's own, as S3 wants to be told."""
    where = {"LocationConstraint": aws.access.region}
    bucket = f"{name.lower()}-bucket"
    aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    return bucket


def _queue(aws: Pretended, name: str, properties: dict[str, Any]) -> str:
    simple = {each: text for each, text in properties.items() if not isinstance(text, dict)}
    attributes = {each: str(text).lower() for each, text in simple.items()}
    for each in ("DeduplicationScope", "FifoThroughputLimit"):
        if each in simple:
            attributes[each] = simple[each]
    made = aws.client("sqs").create_queue(QueueName=f"{name}.fifo", Attributes=attributes)
    return str(made["QueueUrl"])


@pytest.fixture
def salesforce() -> Iterator[FakeSalesforce]:
    """An org with nobody in it yet."""
    with FakeSalesforce(client_secret=CLIENT_SECRET) as org:
        yield org


@pytest.fixture
def hypertrack() -> Iterator[FakeHyperTrack]:
    with FakeHyperTrack(accounts={ACCOUNT: SECRET_KEY}, retry_delay=0.01) as simulator:
        yield simulator
        assert simulator.breaches == []


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that the bundle has logged and printed so far."""
    text, printed = StringIO(), [""]
    handler = logger.registered_handler  # of the webhook door's lines, too
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(text)  # it keeps the stdout of whoever imported it first

    def told() -> str:
        printed[0] += "".join(capfd.readouterr())
        return text.getvalue() + printed[0]

    return told


@pytest.fixture
def bundle(
    aws: Pretended,
    monkeypatch: pytest.MonkeyPatch,
    salesforce: FakeSalesforce,
    logged: Callable[[], str],
) -> Iterator[Services]:
    """The house as the doors find it. Nothing that it prints may give anybody away."""
    for name, value in aws.settings._asdict().items():
        monkeypatch.setenv(name.upper(), value)
    for name, value in zip(AWS_VARIABLES, aws.access, strict=True):
        if value is not None:
            monkeypatch.setenv(name, value)
    yield services()
    services.cache_clear()
    Settings.from_env.cache_clear()
    told = logged()
    assert [secret for secret in _secrets(salesforce) if secret in told] == []


AWS_VARIABLES = (
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
)


def _secrets(salesforce: FakeSalesforce) -> list[str]:
    """Secrets, tokens, addresses and places that were in play."""
    tokens = [
        token
        for each in salesforce.oauth.approvals
        for token in (*each.spent, each.refresh_token or "", *salesforce.oauth.sessions)
    ]
    place = [f"{number:.4f}"[:-1] for number in SITE]
    known = [SECRET_KEY, CLIENT_SECRET, CONSOLE_KEY, ROSA, ROSAS_MAIL, *place, *tokens]
    return [each for each in known if each]
