"""The learning core: a pure function of state and event that live, replay, catch-up and backtest share."""
