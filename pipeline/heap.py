"""The C library's heap, kept small where that is glibc: one arena, and what is free goes back."""

import ctypes

_M_ARENA_MAX = -8
_LIBC = ctypes.CDLL(None)


def use_one_arena() -> None:
    """Let all threads share one heap; each other one keeps what its largest hour needed."""
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return free memory to the machine. Some milliseconds."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)
