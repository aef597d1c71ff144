"""Technicians, their invitations and their phones."""
