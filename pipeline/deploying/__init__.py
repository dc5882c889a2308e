"""What a deployment is made of: its steps, what can go wrong at each, and what is said of it."""
