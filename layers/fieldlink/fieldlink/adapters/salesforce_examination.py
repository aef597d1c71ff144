"""How one connection's org is set up: what the doctor asks Salesforce."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import requests

from fieldlink.errors import Lost, Unavailable
from fieldlink.ports import Front

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.adapters.salesforce import SalesforceOrg
    from fieldlink.adapters.salesforce_rest import Pass
    from fieldlink.models import Described

TIMEOUT = (3.05, 5)  # seconds to connect, to read: somebody waits, for 29 in all


class SalesforceExamination:
    """Looks at an org with the access of its connection, and past it."""

    def __init__(
        self,
        org: SalesforceOrg,
        http: requests.Session,
        entry: Callable[[], Pass],
        scopes: Callable[[str], frozenset[str] | None],
    ) -> None:
        """`entry`: as it stands now; the org's own look may have renewed the token."""
        self._org = org
        self._http = http
        self._entry = entry
        self._scopes = scopes

    def described(self) -> Described:
        return self._org.described()

    def front(self) -> Front:
        """The list of API versions needs no token, and counts for no quota."""
        try:
            answer = self._http.get(
                f"{self._entry().instance_url}/services/data/",
                timeout=TIMEOUT,
                allow_redirects=False,
            )
            versions = tuple(str(each["version"]) for each in answer.json())
            return Front(versions, parsedate_to_datetime(answer.headers["Date"]))
        except requests.JSONDecodeError as error:
            raise Unavailable(f"Salesforce answered {answer.status_code}") from error
        except requests.RequestException as error:
            raise Unavailable(f"no answer ({type(error).__name__})") from error
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable("Salesforce's answer can't be read") from error

    def scopes(self) -> frozenset[str]:
        """Lost if the token that we have is good for nothing any more."""
        found = self._scopes(self._entry().token)
        if found is None:
            raise Lost("Salesforce does not know our access token")
        return found
