"""What was done: chained, explained, handed out, and erased for one person."""
