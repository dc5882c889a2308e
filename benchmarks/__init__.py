"""The figures, each by a command."""
