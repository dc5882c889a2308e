"""Kept days, read and made whole again."""
