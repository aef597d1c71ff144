"""Each module knows one outside system, and translates its errors."""
