"""Makes the built bundle run here as in Lambda: under AWS's own runtime client."""

import io
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from local.cloudformation import read_template

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".aws-sam" / "build"
ENVIRONMENT = ROOT / ".venv-stack"  # of ministack; `make` makes it
PYTHON = ENVIRONMENT / "bin" / "python"
OF_LAMBDA = ENVIRONMENT / "lambda"  # what Lambda's own runtime brings along

# -S hides the environment's packages, so that one missing from the bundle is missing here too.
# The order of the path is Lambda's: function, layer, runtime.
BOOTSTRAP = """#!/bin/sh
export PYTHONPATH="$LAMBDA_TASK_ROOT:{layer}:{of_lambda}"
export AWS_EXECUTION_ENV=AWS_Lambda_python3.13 AWS_LAMBDA_INITIALIZATION_TYPE=on-demand
export AWS_LAMBDA_LOG_FORMAT=JSON AWS_LAMBDA_LOG_LEVEL=INFO
export AWS_LAMBDA_LOG_GROUP_NAME="/aws/lambda/$AWS_LAMBDA_FUNCTION_NAME"
exec {python} -S {program} "$_HANDLER"
"""
BATCHES = {
    "sqs:SendMessage": ["sqs:SendMessageBatch"],
    "sqs:DeleteMessage": ["sqs:DeleteMessageBatch"],
    "sqs:ChangeMessageVisibility": ["sqs:ChangeMessageVisibilityBatch"],
}
AS_IN_LAMBDA = "-m awslambdaric"
BY_A_CLOCK = f"-P {ROOT / 'local' / 'lambda_clock.py'} {{clock}} fieldlink.wiring"


def build() -> Path:
    """Where the bundle lies built, after building what has changed."""
    subprocess.run(["make", "--silent", "build"], cwd=ROOT, check=True)
    return BUILT


def adapt(
    built: Path, bucket: str, clock: Path | None = None
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The built template with code in `bucket`, and what has to lie there by key.

    `clock`: what the functions go by instead of the real time, see `lambda_clock`.

    Only what says how the code is run differs from what is deployed to AWS, and three
    permissions that ministack judges otherwise.
    """
    template = read_template(built / "template.yaml")
    layer = _take_out(template, "AWS::Serverless::LayerVersion")["ContentUri"]
    for policy in ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy"):
        _take_out(template, policy)  # refuses plain HTTP, which is spoken here
    program = BY_A_CLOCK.format(clock=clock) if clock else AS_IN_LAMBDA
    packages: dict[str, bytes] = {}
    for each in functions_of(template).values():
        content = _package(built / each["CodeUri"], built / layer / "python", program)
        # Another build has other keys, or CloudFormation would see nothing to update.
        key = f"{sha256(content).hexdigest()[:32]}.zip"
        each["CodeUri"] = {"Bucket": bucket, "Key": key}
        packages[key] = content
        _widen(each)
    template["Globals"]["Function"].update(Runtime="provided.al2023", Layers=[])
    return template, packages


def functions_of(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The properties of each function by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def _take_out(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """Removes the only resource of this type; returns its properties."""
    [name] = [name for name, each in template["Resources"].items() if each["Type"] == kind]
    properties: dict[str, Any] = template["Resources"].pop(name)["Properties"]
    return properties


def _widen(function: dict[str, Any]) -> None:
    """ministack takes the resource of SES's actions to be `*`, and batches for an own action.

    On AWS whoever may send, delete or postpone a message may do so in batches; there is no
    other permission for them.
    """
    for policy in function["Policies"]:
        for statement in policy["Statement"]:
            if statement["Action"] in ["ses:SendEmail", "ses:GetEmailIdentity"]:
                statement["Resource"] = "*"
            statement["Action"] = [
                action
                for each in _listed(statement["Action"])
                for action in (each, *BATCHES.get(each, ()))
            ]


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def _package(folder: Path, layer: Path, program: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.write(path, path.relative_to(folder))
        archive.writestr(
            "bootstrap",
            BOOTSTRAP.format(layer=layer, of_lambda=OF_LAMBDA, python=PYTHON, program=program),
        )
    return memory.getvalue()
