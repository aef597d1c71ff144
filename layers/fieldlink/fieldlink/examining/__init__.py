"""The doctor: one connection looked at from end to end."""
