"""What AWS refuses and the local AWS lets pass, and what the template must not lose."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldlink.worker import LONGEST_MESSAGE
from local.cloudformation import read_template

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = read_template(ROOT / "template.yaml")
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
DEFAULTS: dict[str, Any] = TEMPLATE["Globals"]["Function"]
VARIABLES = {
    "STATE_TABLE",
    "LEDGER_TABLE",
    "POLLS_QUEUE_URL",
    "CHANGES_QUEUE_URL",
    "INVITES_QUEUE_URL",
    "EVENTS_QUEUE_URL",
    "BURSTS_QUEUE_URL",
    "SALESFORCE_APP_SECRET",
    "SALESFORCE_JWT_KEY_SECRET",
    "CONSOLE_KEY_SECRET",
    "KMS_KEY_ID",
    "SPOOL_BUCKET",
    "NOTICES_TOPIC",
    "SALESFORCE_LOGIN_URL",
    "SALESFORCE_API_VERSION",
    "HYPERTRACK_API_URL",
    "MAIL_FROM",
    "MAIL_CONFIGURATION",
    "PUBLIC_URL",
    "LEDGER_DAYS",
}
IN_THE_SPOOL = {"Fn::Sub": "${Spool.Arn}/*"}  # every object of our own bucket
WITHOUT_RESOURCE = {"ses:GetAccount"}  # AWS takes nothing but `*` for these
WEEKS = 14 * 24 * 60 * 60  # two, in seconds: as long as SQS keeps a message


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: each.get("Properties", {})
        for name, each in RESOURCES.items()
        if each["Type"] == kind
    }


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
WORKING = {name: queue for name, queue in QUEUES.items() if "RedrivePolicy" in queue}
DEAD = {name: queue for name, queue in QUEUES.items() if "RedrivePolicy" not in queue}
TABLES = of_type("AWS::DynamoDB::Table")
MAPPINGS = of_type("AWS::Lambda::EventSourceMapping")
ALARMS = of_type("AWS::CloudWatch::Alarm")


def statements(function: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in function["Policies"]:
        yield from policy["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(function: str, action: str) -> list[Any]:
    """The resources on which the function may do this."""
    return [
        resource
        for statement in statements(FUNCTIONS[function])
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]


def timeout(function: str) -> int:
    return int(FUNCTIONS[function].get("Timeout", DEFAULTS["Timeout"]))


def consumer_of(queue: str) -> tuple[str, dict[str, Any]]:
    [mapping] = [
        each
        for each in MAPPINGS.values()
        if each["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    ]
    return mapping["FunctionName"]["Ref"], mapping


def walk(node: Any) -> Iterator[Any]:
    yield node
    if isinstance(node, dict):
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from walk(child)


def test_the_variables_are_the_ones_agreed_on() -> None:
    assert set(DEFAULTS["Environment"]["Variables"]) == VARIABLES


def test_no_function_has_variables_of_its_own() -> None:
    assert not [name for name, each in FUNCTIONS.items() if "Environment" in each]


def test_no_variable_holds_a_secret() -> None:
    hidden = {name for name, each in TEMPLATE["Parameters"].items() if each.get("NoEcho")}
    values = list(walk(DEFAULTS["Environment"]["Variables"]))

    assert hidden
    assert not [name for name in hidden for value in values if name in str(value)]
    assert not [value for value in values if isinstance(value, str) and "resolve:" in value]


def test_the_api_is_not_among_the_variables_which_would_be_a_circle() -> None:
    assert "ServerlessHttpApi" not in str(DEFAULTS)


def test_every_function_is_a_file_and_every_file_a_function() -> None:
    files = {path.stem for path in (ROOT / "functions").glob("*.py")} - {"__init__"}

    assert {each["Handler"] for each in FUNCTIONS.values()} == {
        f"{name}.lambda_handler" for name in files
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_called_what_its_file_is_called(name: str) -> None:
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()

    assert FUNCTIONS[name]["Handler"] == f"{snake}.lambda_handler"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_share_code_layer_memory_and_log(name: str) -> None:
    own = FUNCTIONS[name].keys() & {"CodeUri", "Runtime", "Layers", "LoggingConfig", "Role"}

    assert not own
    assert int(FUNCTIONS[name].get("MemorySize", DEFAULTS["MemorySize"])) >= 512


def test_logs_are_json_in_one_group_that_forgets() -> None:
    assert DEFAULTS["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": "Logs"}}
    assert RESOURCES["Logs"]["Properties"]["RetentionInDays"] == {"Ref": "LogDays"}


def test_functions_end_before_those_who_wait_for_them_give_up() -> None:
    assert timeout("ReceiveWebhook") < 10  # HyperTrack
    assert timeout("PollSalesforce") < 300  # the next tick
    assert max(timeout("Console"), timeout("FinishOauth")) < 30  # an HTTP API


@pytest.mark.parametrize("name", WORKING.keys() - {"Polls"})
def test_a_message_stays_hidden_six_times_as_long_as_its_worker_may_take(name: str) -> None:
    function, _ = consumer_of(name)

    assert WORKING[name]["VisibilityTimeout"] >= 6 * timeout(function)


def test_a_poll_that_is_killed_blocks_its_connections_next_ticks_for_one_tick_at_most() -> None:
    function, _ = consumer_of("Polls")

    # AWS asks for the function's own time-out at least; the schedule's tick comes each 300 s.
    assert timeout(function) <= WORKING["Polls"]["VisibilityTimeout"] <= 300


def test_a_batch_has_time_for_a_message_before_it_gives_the_rest_back() -> None:
    for name in WORKING.keys() - {"Polls"}:
        function, _ = consumer_of(name)

        assert timeout(function) * 1000 > LONGEST_MESSAGE


@pytest.mark.parametrize("name", WORKING)
def test_a_worker_says_which_messages_of_a_batch_failed(name: str) -> None:
    _, mapping = consumer_of(name)

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] <= 10  # AWS takes no more from a FIFO queue
    assert "MaximumBatchingWindowInSeconds" not in mapping


@pytest.mark.parametrize("name", WORKING)
def test_a_worker_may_take_from_its_own_queues_only(name: str) -> None:
    function, _ = consumer_of(name)
    its = [each for each in WORKING if consumer_of(each)[0] == function]

    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        assert allowed(function, f"sqs:{action}") == [
            {"Fn::GetAtt": [each, "Arn"]} for each in its
        ]
    assert allowed(function, "sqs:ChangeMessageVisibility") == [
        {"Fn::GetAtt": [each, "Arn"]} for each in its
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_event_of_sam_widens_a_role(name: str) -> None:
    """SAM's SQS and stream events add a managed policy on every queue or stream there is.

    What SAM adds to these is AWSLambdaBasicExecutionRole (logs) and AWSXRayDaemonWriteAccess
    (traces, which cannot be scoped).
    """
    kinds = {event["Type"] for event in FUNCTIONS[name].get("Events", {}).values()}

    assert kinds <= {"HttpApi", "Schedule", "EventBridgeRule"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_names_every_action_and_resource(name: str) -> None:
    for statement in statements(FUNCTIONS[name]):
        assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"
        assert "*" not in str(statement["Action"])
        if WITHOUT_RESOURCE.issuperset(listed(statement["Action"])):
            continue
        for resource in listed(statement["Resource"]):
            assert resource == IN_THE_SPOOL or "*" not in str(resource)
            assert {"Fn::GetAtt", "Fn::Sub"} & set(resource)


def test_the_door_reads_one_item_and_sends_or_keeps_and_nothing_more() -> None:
    door = FUNCTIONS["ReceiveWebhook"]
    actions = {action for each in statements(door) for action in listed(each["Action"])}

    assert actions == {
        "dynamodb:GetItem",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "s3:PutObject",
        "sqs:SendMessage",
    }
    assert "ReservedConcurrentExecutions" in door


def test_mail_is_sent_as_the_sender_only() -> None:
    resources = [str(each) for each in allowed("SendInvite", "ses:SendEmail")]

    senders = [each for each in resources if "configuration-set/${Mails}" not in each]
    assert (len(resources), len(senders)) == (3, 2)
    assert all("identity/${" in each for each in senders)
    assert [name for name in FUNCTIONS if allowed(name, "ses:SendEmail")] == ["SendInvite"]


def test_nothing_writes_a_ledger_row_away() -> None:
    ledger = {"Fn::GetAtt": ["Ledger", "Arn"]}
    for name in FUNCTIONS:
        for action in ("DeleteItem", "UpdateItem"):
            assert ledger not in allowed(name, f"dynamodb:{action}")
    # It puts many at a time; AWS has no right for that without the right to delete.
    batches = [name for name in FUNCTIONS if ledger in allowed(name, "dynamodb:BatchWriteItem")]
    assert batches == ["UpdateSalesforce"]


def test_those_who_explain_a_ledger_row_or_add_to_one_may_read_it() -> None:
    ledger = {"Fn::GetAtt": ["Ledger", "Arn"]}
    readers = {name for name in FUNCTIONS if ledger in allowed(name, "dynamodb:BatchGetItem")}

    assert readers == {"UpdateSalesforce", "Console", "AnswerOperator"}


def test_those_who_claim_many_at_once_may_insert_and_update_by_statements_and_nobody_else() -> (
    None
):
    state, ledger = ({"Fn::GetAtt": [table, "Arn"]} for table in ("State", "Ledger"))
    for action, tables in {"PartiQLInsert": [state, ledger], "PartiQLUpdate": [state]}.items():
        may = {name: allowed(name, f"dynamodb:{action}") for name in FUNCTIONS}
        assert {name: each for name, each in may.items() if each} == {
            "UpdateSalesforce": tables
        }
    rest = ("PartiQLDelete", "PartiQLSelect")
    assert not any(allowed(name, f"dynamodb:{each}") for name in FUNCTIONS for each in rest)


@pytest.mark.parametrize("table", ["State", "Ledger"])
def test_who_may_read_several_items_at_once_may_read_a_single_one_too(table: str) -> None:
    """Which of the two calls is made depends on how many are asked for at that moment."""
    there = {"Fn::GetAtt": [table, "Arn"]}
    several = {name for name in FUNCTIONS if there in allowed(name, "dynamodb:BatchGetItem")}

    assert several
    assert all(there in allowed(name, "dynamodb:GetItem") for name in several)


def test_a_burst_leaves_the_greater_part_of_the_worker_to_the_others() -> None:
    function, mapping = consumer_of("Bursts")

    assert function == consumer_of("Events")[0]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] <= 5


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_fifo_encrypted_and_patient(name: str) -> None:
    assert QUEUES[name]["FifoQueue"] is True
    assert QUEUES[name]["SqsManagedSseEnabled"] is True
    assert QUEUES[name]["MessageRetentionPeriod"] == WEEKS
    assert not QUEUES[name].get("ContentBasedDeduplication")


@pytest.mark.parametrize("name", WORKING)
def test_a_queue_has_a_dead_letter_queue_of_its_own(name: str) -> None:
    redrive = WORKING[name]["RedrivePolicy"]

    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [f"Dead{name}", "Arn"]}
    assert redrive["maxReceiveCount"] == (3 if name == "Polls" else 30)
    assert f"Dead{name}" in DEAD


@pytest.mark.parametrize("name", ["Changes", "Events"])
def test_busy_queues_have_a_throughput_for_each_group(name: str) -> None:
    assert QUEUES[name]["DeduplicationScope"] == "messageGroup"
    assert QUEUES[name]["FifoThroughputLimit"] == "perMessageGroupId"


@pytest.mark.parametrize("name", DEAD)
def test_the_first_dead_letter_rings(name: str) -> None:
    [alarm] = [each for each in ALARMS.values() if name in str(each.get("Dimensions"))]

    assert alarm["Namespace"] == "AWS/SQS"
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert alarm["Threshold"] == 1
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reaches_a_person(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == [{"Ref": "Alarms"}]


@pytest.mark.parametrize("name", of_type("AWS::Logs::MetricFilter"))
def test_every_counted_log_line_has_an_alarm(name: str) -> None:
    [counted] = RESOURCES[name]["Properties"]["MetricTransformations"]

    assert [
        alarm
        for alarm in ALARMS.values()
        if alarm["MetricName"] == counted["MetricName"]
        and alarm["Namespace"] == counted["MetricNamespace"]
    ]


@pytest.mark.parametrize(
    "name", ["StartPolls", "PollSalesforce", "Reconcile", "TakeUpDeliveries"]
)
def test_what_looks_for_changes_rings_when_it_fails(name: str) -> None:
    watched = [{"Name": "FunctionName", "Value": {"Ref": name}}]
    [alarm] = [
        each
        for each in ALARMS.values()
        if each["MetricName"] == "Errors" and each["Dimensions"] == watched
    ]

    assert (alarm["Namespace"], alarm["Threshold"]) == ("AWS/Lambda", 1)


def test_three_polls_in_vain_within_three_ticks_ring() -> None:
    pattern = RESOURCES["PollsFilter"]["Properties"]["FilterPattern"]
    alarm = ALARMS["PollsAlarm"]

    either = '($.outcome = "refused" || $.outcome = "put off")'
    assert pattern == f'{{ $.message = "polled" && {either} }}'
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Sum", 15 * 60, 3)


def test_queues_speak_tls_only() -> None:
    [policy] = of_type("AWS::SQS::QueuePolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]

    assert {each["Ref"] for each in policy["Queues"]} == set(QUEUES)
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_spool_is_encrypted_private_and_forgets() -> None:
    [(name, spool)] = of_type("AWS::S3::Bucket").items()
    [rule] = spool["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rules = spool["LifecycleConfiguration"]["Rules"]

    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]},
    }
    assert set(spool["PublicAccessBlockConfiguration"].values()) == {True}
    assert {each["Prefix"]: each["ExpirationInDays"] for each in rules} == {
        "unsigned/": 3,
        "spare/": 14,
        "whole/": 60,
        "events/": 60,
        "exports/": 7,
    }
    assert {each["Status"] for each in rules} == {"Enabled"}
    [policy] = of_type("AWS::S3::BucketPolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == {"Ref": name}
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_who_writes_to_the_spool_may_use_its_key() -> None:
    for name in FUNCTIONS:
        if allowed(name, "s3:PutObject"):
            assert allowed(name, "kms:GenerateDataKey") == [{"Fn::GetAtt": ["Key", "Arn"]}]
        if allowed(name, "s3:GetObject"):
            assert allowed(name, "kms:Decrypt") == [{"Fn::GetAtt": ["Key", "Arn"]}]


def test_what_aws_itself_answers_is_logged_without_addresses_and_a_413_rings() -> None:
    logged = TEMPLATE["Globals"]["HttpApi"]["AccessLogSettings"]
    told = set(re.findall(r"\$context\.([\w.]+)", logged["Format"]))

    assert logged["DestinationArn"] == {"Fn::GetAtt": ["Logs", "Arn"]}
    assert told == {"routeKey", "status", "error.responseType"}
    pattern = RESOURCES["TooLargeFilter"]["Properties"]["FilterPattern"]
    assert pattern == '{ $.message = "request answered" && $.status = "413" }'


def test_what_became_of_a_mail_is_told_to_the_one_who_notes_it() -> None:
    [destination] = of_type("AWS::SES::ConfigurationSetEventDestination").values()
    rule = FUNCTIONS["NoteMail"]["Events"]["Mail"]["Properties"]["Pattern"]

    assert destination["ConfigurationSetName"] == {"Ref": "Mails"}
    assert set(destination["EventDestination"]["MatchingEventTypes"]) == {
        "bounce",
        "complaint",
        "reject",
    }
    assert rule["source"] == ["aws.ses"]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_encrypted_recoverable_forgetful_and_outlives_the_stack(name: str) -> None:
    table = TABLES[name]

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert [each["AttributeName"] for each in table["KeySchema"]] == ["pk", "sk"]


@pytest.mark.parametrize("name", [*TABLES, "Key"])
def test_what_cannot_be_made_again_outlives_the_stack(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == "Retain"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_the_key_rotates_and_can_be_administered() -> None:
    key = RESOURCES["Key"]["Properties"]
    [statement] = key["KeyPolicy"]["Statement"]

    assert key["EnableKeyRotation"] is True
    assert statement["Principal"]["AWS"]["Fn::Sub"].endswith(":root")
    assert statement["Action"] == "kms:*"


def test_a_secret_is_never_referred_to_by_ref() -> None:
    secrets = of_type("AWS::SecretsManager::Secret")

    assert set(secrets) == {"SalesforceApp", "SalesforceJwtKey", "ConsoleKey"}
    assert not [node for node in walk(TEMPLATE) if node in [{"Ref": name} for name in secrets]]


def test_secrets_come_from_hidden_parameters_or_from_chance() -> None:
    secret = RESOURCES["SalesforceApp"]["Properties"]["SecretString"]["Fn::Sub"]
    console = RESOURCES["ConsoleKey"]["Properties"]["GenerateSecretString"]

    assert "${SalesforceClientSecret}" in secret
    assert TEMPLATE["Parameters"]["SalesforceClientSecret"]["NoEcho"] is True
    assert console["PasswordLength"] >= 64


def test_nothing_has_a_physical_name_that_another_stack_could_want() -> None:
    named = {"QueueName", "TableName", "FunctionName", "TopicName", "RoleName", "LogGroupName"}
    for name, resource in RESOURCES.items():
        fixed = named & resource.get("Properties", {}).keys()
        assert not [key for key in fixed if isinstance(resource["Properties"][key], str)], name


def test_no_route_throttles_because_429_counts_as_delivered() -> None:
    assert "Throttl" not in str({k: v for k, v in RESOURCES.items() if k not in ALARMS})


def test_the_layer_serves_either_processor() -> None:
    layer = RESOURCES["Layer"]

    assert layer["Metadata"] == {"BuildMethod": "makefile"}
    assert layer["Properties"]["CompatibleArchitectures"] == ["x86_64", "arm64"]


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_a_parameter_explains_itself(name: str) -> None:
    assert len(TEMPLATE["Parameters"][name]["Description"]) > 20
