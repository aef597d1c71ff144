"""A simulated Salesforce: an HTTP server written from the vendor's documentation alone.

It knows nothing of the bundle. What it leaves out: SOAP, Bulk, named date literals and
aggregates in SOQL, polymorphic parents, Calendar Sync, and the travel times themselves.
"""

from local.salesforce.server import FakeSalesforce

__all__ = ["FakeSalesforce"]
