"""From patterns to automations that were tried: candidates, backtest, safety, validation; pure."""
