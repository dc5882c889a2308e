"""Learning a log in several processes."""
