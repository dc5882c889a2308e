"""A log on its way to a broker, as Home Assistant would have published it."""
