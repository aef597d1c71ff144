"""tap-salesforce's own command line, with the simulator in place of Salesforce's login host.

with_tap_salesforce.py URL [its own arguments]; what it prints is its own.
"""

import sys
from functools import partial

import requests
import tap_salesforce

from local import redirect

if __name__ == "__main__":
    name, url, *arguments = sys.argv
    sys.argv = [name, *arguments]
    requests.Session = partial(redirect.Session, url)  # the tap makes its session itself
    tap_salesforce.main()
