"""HTTP: what is served, and the rules that stand before all of it."""
