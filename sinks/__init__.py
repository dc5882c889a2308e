"""Where results go: one module an outside system."""
