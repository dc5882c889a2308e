"""Types that cross a boundary: events, aggregates, patterns, statuses, table rows and topics."""
