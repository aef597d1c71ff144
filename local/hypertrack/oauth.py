"""/oauth: bearer tokens beside the Basic keys, and secure addresses of embedded views."""

from datetime import timedelta
from hmac import compare_digest
from secrets import token_urlsafe

from local.hypertrack.answers import Answer, Ask, Refusal, missing, unauthorized
from local.hypertrack.state import Account, Json, Token
from local.hypertrack.world import World

EXPIRES_IN = 3600  # seconds; how many HyperTrack gives is not documented
GRANT = "client_credentials"


class OAuth:
    """The two operations; how they refuse is declared without bodies."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (
            ("POST", "/oauth/token", self.token),
            ("POST", "/oauth/embed-token", self.embed),
        )

    def token(self, ask: Ask) -> Answer:
        """The account id is the client id, the secret key the client secret."""
        wanted: Json = ask.body if isinstance(ask.body, dict) else {}
        account = self._world.accounts.get(str(wanted.get("client_id")))
        secret = str(wanted.get("client_secret")).encode()
        if account is None or not compare_digest(secret, account.secret_key.encode()):
            raise unauthorized()
        if wanted.get("grant_type") != GRANT:
            raise unauthorized()
        return 200, self._issue(account)

    def embed(self, ask: Ask) -> Answer:
        """The address of a device or an order, good for a while without any key."""
        wanted: Json = ask.body if isinstance(ask.body, dict) else {}
        address = wanted.get("embed_url")
        if not isinstance(address, str) or wanted.get("grant_type") != GRANT:
            raise Refusal(400, {"message": "embed_url and grant_type are required"})
        kind, _, name = address.partition("?")[0].rpartition("/")
        known = {**ask.account.devices, **ask.account.orders}
        if kind.endswith(("/devices", "/orders")) and name not in known:
            raise missing("Nothing to embed")
        issued = self._issue(ask.account)
        joint = "&" if "?" in address else "?"
        secure = f"{address}{joint}token={issued['access_token']}"
        return 200, {**issued, "embed_url": address, "secure_embed_url": secure}

    def _issue(self, account: Account) -> Json:
        """A token outlives its secret: a rotation does not end it, only its time does."""
        token = token_urlsafe(32)
        until = self._world.clock() + timedelta(seconds=EXPIRES_IN)
        self._world.tokens[token] = Token(account.account_id, until)
        return {"access_token": token, "token_type": "Bearer", "expires_in": EXPIRES_IN}


def bearer(world: World, token: str | None) -> Account | None:
    """Whose token this is, if it is one and has not expired."""
    known = world.tokens.get(token or "")
    if known is None or known.until <= world.clock():
        return None
    return world.accounts.get(known.account_id)
