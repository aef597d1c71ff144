"""A simulated Salesforce: an HTTP server written from the vendor's documentation alone.

It knows nothing of the bundle. What it leaves out: JWT bearer, SOAP, Bulk, named date literals
and aggregates in SOQL, polymorphic parents, crews' members, drip feed, travel calculation.
"""

from local.salesforce.server import FakeSalesforce

__all__ = ["FakeSalesforce"]
