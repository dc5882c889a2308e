"""The learning role: from the intake through the core to the store, one transaction at a time."""
