"""What the simulator has because clients that nobody here wrote rely on it."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.local.salesforce_setting import (
    CLIENT,
    MORNING,
    TIMEOUT,
    Caller,
    allow,
    exchange,
    oauth_error,
    running,
)

USERNAME = "ida@example.com"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        caller.salesforce.run_as = caller.salesforce.integration_user_id
        yield caller


def ask(app: Caller, form: dict[str, str], basic: tuple[str, str] | None) -> requests.Response:
    url = f"{app.salesforce.url}/services/oauth2/token"
    return requests.post(url, data=form, auth=basic, timeout=TIMEOUT)


@cache
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


# ── authorisation ──────────────────────────────────────────────────────────────


def test_an_app_may_name_itself_in_the_header_instead_of_the_form(app: Caller) -> None:
    form, client = {"grant_type": "client_credentials"}, CLIENT["client_id"]

    right = ask(app, form, (client, CLIENT["client_secret"]))
    wrong = ask(app, form, (client, "wrong"))
    other = ask(app, form, ("other", CLIENT["client_secret"]))

    assert right.json()["token_type"] == "Bearer"
    assert oauth_error(wrong)[0] == "invalid_client"
    assert oauth_error(other)[0] == "invalid_client_id"


@pytest.mark.parametrize(
    ("seconds", "granted"), [("180", True), ("0", False), ("301", False), ("soon", False)]
)
def test_an_assertion_may_say_as_text_when_it_expires(
    app: Caller, seconds: str, granted: bool
) -> None:
    key = signing_key()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    app.salesforce.certificate = public.decode()
    expires = seconds
    if seconds.isdigit():
        expires = str(int((MORNING + timedelta(seconds=int(seconds))).timestamp()))
    claims = {"iss": CLIENT["client_id"], "sub": USERNAME, "exp": expires}
    claims["aud"] = "https://login.salesforce.com"
    signed = ".".join(encoded(json.dumps(each).encode()) for each in ({"alg": "RS256"}, claims))
    signature = encoded(key.sign(signed.encode(), PKCS1v15(), SHA256()))

    answer = ask(app, {"grant_type": JWT, "assertion": f"{signed}.{signature}"}, None)

    assert answer.ok is granted
    assert granted or oauth_error(answer) == ("invalid_grant", "invalid assertion")


@pytest.mark.parametrize(("length", "status"), [(42, 400), (43, 200), (171, 200), (172, 400)])
def test_a_verifier_has_up_to_128_random_bytes(app: Caller, length: int, status: int) -> None:
    verifier = "v" * length
    challenge = encoded(hashlib.sha256(verifier.encode()).digest())

    answer = exchange(
        app.salesforce,
        allow(app.salesforce, code_challenge=challenge),
        code_verifier=verifier,
    )

    assert answer.status_code == status


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_can_be_revoked_by_the_address_alone(app: Caller, method: str) -> None:
    url = f"{app.salesforce.url}/services/oauth2/revoke"

    ended = requests.request(
        method, url, params={"token": app.tokens["access_token"]}, timeout=TIMEOUT
    )

    assert ended.status_code == 200
    assert app.refused("GET", "limits") == (401, "INVALID_SESSION_ID")


def test_the_root_of_the_api_says_where_the_callers_identity_is(app: Caller) -> None:
    root = app.call("GET", "").json()

    assert root["identity"] == app.tokens["id"]
    assert root["query"] == "/services/data/v67.0/query"


# ── rows by their ids ──────────────────────────────────────────────────────────

UNKNOWN, MALFORMED = "0WO000000000000AAA", "nonsense"


@pytest.fixture
def orders(app: Caller) -> list[str]:
    """One to read, one that is deleted, one that is not shared."""
    made = [app.salesforce.insert("WorkOrder", Subject=each) for each in ("Read", "Gone", "No")]
    app.salesforce.delete("WorkOrder", made[1])
    app.salesforce.hidden.add(made[2])
    return made


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_rows_are_read_by_id_and_what_is_not_there_is_null(
    app: Caller, orders: list[str], method: str
) -> None:
    path, wanted = "composite/sobjects/WorkOrder", [*orders, UNKNOWN, MALFORMED]

    if method == "POST":
        body = {"ids": wanted, "fields": ["Id", "Subject"]}
        read, *others = app.call("POST", path, body).json()
    else:
        read, *others = app.call("GET", path, ids=",".join(wanted), fields="Id,Subject").json()

    assert (read["Id"], read["Subject"]) == (orders[0], "Read")
    assert read["attributes"]["type"] == "WorkOrder"
    assert others == [None] * 4


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"ids": [UNKNOWN]}, "MISSING_ARGUMENT"),
        ({"fields": ["Id"]}, "MISSING_ARGUMENT"),
        ({"ids": [UNKNOWN] * 2001, "fields": ["Id"]}, "EXCEEDED_ID_LIMIT"),
    ],
)
def test_reading_by_ids_takes_ids_and_fields_and_not_too_many(
    app: Caller, body: dict[str, list[str]], code: str
) -> None:
    assert app.refused("POST", "composite/sobjects/WorkOrder", body) == (400, code)


def test_a_field_that_does_not_exist_is_refused_by_name(app: Caller, orders: list[str]) -> None:
    body = {"ids": orders, "fields": ["Nope"]}

    assert app.refused("POST", "composite/sobjects/WorkOrder", body) == (400, "INVALID_FIELD")
