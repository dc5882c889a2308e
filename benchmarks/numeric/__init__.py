"""Numeric anomalies, baselines and drift: River's parts against our own."""
