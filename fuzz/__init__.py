"""Hostile input for the webhook door, by coverage-guided fuzzing."""
