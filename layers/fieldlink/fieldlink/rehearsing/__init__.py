"""What other settings would have made of the work of the last days. Nothing here writes."""
