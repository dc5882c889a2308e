"""Backtests of automations on the home's past: candidates, firing, regret, proposals."""
