"""Salesforce is looked at: what changed there, and who has to be told."""
