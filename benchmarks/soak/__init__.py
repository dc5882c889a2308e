"""A year of a home in minutes: kills, takeovers, broker restarts and clock jumps, and then peace."""
