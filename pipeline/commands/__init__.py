"""Rules by which a command counts: signatures, presses, decisions; pure."""
