"""A connection from its first form to its end: access, its loss, how much may be asked."""
