"""Events that follow others: the log of all days end to end, its trials, and what chance would do in them."""
