"""A HyperTrack of one's own: REST API, phones with the Visits App, and signed webhooks.

Written from the vendor's documentation, on loopback, importing nothing of the bundle. Where the
documentation is silent, `Switches` says what is assumed and lets a test assume otherwise.
"""

from local.hypertrack.apps import APPS, LinkRejected, NotPossible
from local.hypertrack.phone import Phone
from local.hypertrack.shapes import SHAPES, Shape
from local.hypertrack.simulator import FakeHyperTrack
from local.hypertrack.state import Switches

__all__ = [
    "APPS",
    "SHAPES",
    "FakeHyperTrack",
    "LinkRejected",
    "NotPossible",
    "Phone",
    "Shape",
    "Switches",
]
