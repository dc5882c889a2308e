"""Errors that end a process and that a new process has to go on for."""


class FatalError(RuntimeError):
    """The process cannot go on, and a new one can: exit non-zero and be restarted."""
