"""Time and waiting, below all rooms: the first of several to end, waits that grow, token buckets."""
