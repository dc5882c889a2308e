"""What makes a command count: signatures, presses, decisions; pure."""
