"""What keeps people from being tracked, and who is told of it."""
