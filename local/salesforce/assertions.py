"""The signed assertion of the JWT bearer flow, checked without a JWT library.

Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow". Where only the error is documented, its
description is ours.
"""

import base64
import json
from binascii import Error as NotBase64
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from local.salesforce.grants import OAuthError

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")
LONGEST = timedelta(minutes=5)

Claims = dict[str, Any]


def username(assertion: str, certificate: str, client_id: str, url: str, now: datetime) -> str:
    """Whom the assertion speaks for, if the app's key signed it and it is of now and for us."""
    claims = _claims(assertion)
    if claims.get("iss") != client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    _verify(assertion, certificate)
    if claims.get("aud") not in {*LOGIN_HOSTS, url}:
        raise OAuthError("invalid_grant", "audience is invalid")
    _of_now(claims.get("exp"), now)
    return str(claims.get("sub", ""))


def _claims(assertion: str) -> Claims:
    parts = assertion.split(".")
    if len(parts) != 3 or _decoded(parts[0]).get("alg") != "RS256":
        raise _invalid()
    return _decoded(parts[1])


def _decoded(part: str) -> Claims:
    try:
        found = json.loads(_bytes(part))
    except ValueError:
        raise _invalid() from None
    if not isinstance(found, dict):
        raise _invalid()
    return found


def _verify(assertion: str, certificate: str) -> None:
    signed, _, signature = assertion.rpartition(".")
    if not certificate:
        raise _invalid()
    try:
        _key(certificate).verify(_bytes(signature), signed.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise _invalid() from None


def _key(certificate: str) -> RSAPublicKey:
    pem = certificate.encode()
    in_certificate = "BEGIN CERTIFICATE" in certificate
    key: object = (
        load_pem_x509_certificate(pem).public_key()
        if in_certificate
        else load_pem_public_key(pem)
    )
    if not isinstance(key, RSAPublicKey):
        raise _invalid()
    return key


def _of_now(expires: Any, now: datetime) -> None:
    try:
        left = timedelta(seconds=float(expires) - now.timestamp())  # a text in their sample
    except (TypeError, ValueError, OverflowError):
        raise _invalid() from None
    if not timedelta(0) < left <= LONGEST:
        raise _invalid()


def _bytes(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except NotBase64:
        raise _invalid() from None


def _invalid() -> OAuthError:
    return OAuthError("invalid_grant", "invalid assertion")
