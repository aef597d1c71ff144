"""What HyperTrack reports, from a delivery to a fact; and what it never told."""
