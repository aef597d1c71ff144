"""What should be tracked now, and how HyperTrack is brought in line with it."""
