"""Puts back what ministack drops from a template, and what it asks for by another name."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Client = Callable[[str], Any]
PARTIQL = {"dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"}


def apply(client: Client, stack: str) -> None:
    """Does again, by API, what the processed template asks for; repeating it does no harm."""
    template = client("cloudformation").get_template(StackName=stack, TemplateStage="Processed")
    body = template["TemplateBody"]
    resources = (json.loads(body) if isinstance(body, str) else body)["Resources"]
    pages = client("cloudformation").get_paginator("list_stack_resources")
    ids = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack)
        for each in page["StackResourceSummaries"]
    }
    parameters = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    values = {p["ParameterKey"]: p["ParameterValue"] for p in parameters["Parameters"]}
    for name, resource in resources.items():
        if restore := RESTORE.get(resource["Type"]):
            restore(client, name, resource["Properties"], ids | values)


def _routes(client: Client, name: str, wanted: dict[str, Any], ids: dict[str, str]) -> None:
    api, made = client("apigatewayv2"), ids[name]
    known = {each["RouteKey"] for each in api.get_routes(ApiId=made)["Items"]}
    for key, function in _operations(wanted["Body"]):
        if key in known:
            continue
        arn = client("lambda").get_function(FunctionName=ids[function])["Configuration"]
        integration = api.create_integration(
            ApiId=made,
            IntegrationType="AWS_PROXY",
            IntegrationUri=arn["FunctionArn"],
            PayloadFormatVersion="2.0",
        )
        target = f"integrations/{integration['IntegrationId']}"
        api.create_route(ApiId=made, RouteKey=key, Target=target)


def _operations(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each route key, with the logical id of its function."""
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
            if found := re.search(r"functions/\$\{(\w+)\.Arn\}", uri):
                yield f"{verb} {path}", found[1]


def _table(client: Client, name: str, wanted: dict[str, Any], ids: dict[str, str]) -> None:
    dynamodb, table = client("dynamodb"), ids[name]
    if expiry := wanted.get("TimeToLiveSpecification"):
        now = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if now["TimeToLiveStatus"] == "DISABLED":
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
    if recovery := wanted.get("PointInTimeRecoverySpecification"):
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification=recovery
        )


def _function(client: Client, name: str, wanted: dict[str, Any], ids: dict[str, str]) -> None:
    reserved = wanted.get("ReservedConcurrentExecutions")
    if isinstance(reserved, dict):
        reserved = ids[reserved["Ref"]]
    if reserved is not None:
        client("lambda").put_function_concurrency(
            FunctionName=ids[name], ReservedConcurrentExecutions=int(reserved)
        )


def _role(client: Client, name: str, wanted: dict[str, Any], ids: dict[str, str]) -> None:
    """Who may insert and update by PartiQL may ask for both in one call. That call's name is no
    right of AWS's, but ministack asks for it, and for neither of the two.
    """
    policies = (each["PolicyDocument"]["Statement"] for each in wanted.get("Policies", ()))
    if any({*statement["Action"]} >= PARTIQL for each in policies for statement in each):
        allowed = {
            "Effect": "Allow",
            "Action": "dynamodb:BatchExecuteStatement",
            "Resource": "*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        client("iam").put_role_policy(
            RoleName=ids[name], PolicyName="Statements", PolicyDocument=document
        )


RESTORE = {
    "AWS::ApiGatewayV2::Api": _routes,
    "AWS::DynamoDB::Table": _table,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Function": _function,
}
