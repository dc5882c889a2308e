"""Damage done to a living home's files and rows at random, and what the next start makes of it."""
