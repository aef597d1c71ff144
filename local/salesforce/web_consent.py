"""The page that asks the user to allow the app. Source: Help, "OAuth 2.0 Web Server Flow"."""

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Redirect

from local.salesforce.grants import OAuthError
from local.salesforce.site import Site

Asked = MultiDict[str, str]

PASSED_ON = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)
SAME = {"offline_access": "refresh_token"}


class NotRedirected(OAuthError):
    """Shown here: there is no address that may be trusted with the error."""


def blueprint(site: Site) -> Blueprint:
    web = Blueprint("consent", __name__, template_folder="templates")

    @web.get("/services/oauth2/authorize")
    def ask() -> str | tuple[str, int] | Redirect:
        try:
            _check(site, request.args)
        except NotRedirected as error:
            return render_template("refused.html", error=error), 400
        except OAuthError as error:
            return _back(request.args, error=error.error, error_description=error.description)
        asked = {name: request.args[name] for name in PASSED_ON if name in request.args}
        user = site.row_of_user(site.integration_user_id)
        scopes = _scopes(site, request.args)
        return render_template("consent.html", asked=asked, user=user, scopes=scopes)

    @web.post("/services/oauth2/authorize")
    def decide() -> tuple[str, int] | Redirect:
        try:
            _check(site, request.form)
            _allowed(site, request.form)
        except NotRedirected as error:
            return render_template("refused.html", error=error), 400
        except OAuthError as error:
            return _back(request.form, error=error.error, error_description=error.description)
        return _back(request.form, code=_code(site, request.form))

    return web


def _check(site: Site, asked: Asked) -> None:
    if asked.get("client_id") != site.client_id:
        raise NotRedirected("invalid_client_id", "client identifier invalid")
    redirect_uri = asked.get("redirect_uri", "")
    if not redirect_uri:
        raise NotRedirected("redirect_uri_missing", "redirect_uri must be provided")
    if site.callback_urls and redirect_uri not in site.callback_urls:
        raise NotRedirected("redirect_uri_mismatch", "redirect_uri must match configuration")
    if not urlsplit(redirect_uri).scheme or urlsplit(redirect_uri).fragment:
        raise NotRedirected("redirect_uri_mismatch", "redirect_uri must be an absolute URI")
    if asked.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response type not supported")
    _check_challenge(site, asked)


def _check_challenge(site: Site, asked: Asked) -> None:
    if "code_challenge" not in asked:
        if site.require_pkce:
            raise OAuthError("invalid_request", "missing required code challenge")
        return
    if (
        asked.get("code_challenge_method", "S256") != "S256"
        or len(asked["code_challenge"]) != 43
    ):
        raise OAuthError("invalid_request", "invalid code challenge")


def _allowed(site: Site, asked: Asked) -> None:
    """After the login: the user may say no, and the app may lack what it asks for."""
    if asked.get("decision") != "allow":
        raise OAuthError("access_denied", "end-user denied authorization")
    if not site.app_installed or set(_scopes(site, asked)) - set(site.app_scopes):
        raise NotRedirected(
            "OAUTH_APPROVAL_ERROR_GENERIC",
            "An unexpected error has occurred during authentication. Please try again.",
        )


def _scopes(site: Site, asked: Asked) -> tuple[str, ...]:
    """What is asked for; without a scope, all that the app has."""
    named = [SAME.get(each, each) for each in asked.get("scope", "").split()]
    return tuple(dict.fromkeys(named)) or site.app_scopes


def _code(site: Site, asked: Asked) -> str:
    scopes = _scopes(site, asked)
    challenge = asked.get("code_challenge")
    return site.oauth.issue_code(
        site.integration_user_id, scopes, asked["redirect_uri"], challenge
    )


def _back(asked: Asked, **answer: str) -> Redirect:
    if "state" in asked:
        answer["state"] = asked["state"]
    separator = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    return redirect(asked["redirect_uri"] + separator + urlencode(answer))
