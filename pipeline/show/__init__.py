"""Keeps Home Assistant's pages as the store says."""
