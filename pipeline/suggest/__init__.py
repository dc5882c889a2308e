"""Tries automations on the past when a day was judged, and proposes the best."""
