"""Trying automations on the past: candidates, firing, regret, proposals."""
