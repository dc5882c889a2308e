"""The heap: kept small where the C library is glibc, and never looked through as a whole in between."""

import ctypes
import gc

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE_BYTES = 131_072
_LIBC = ctypes.CDLL(None)


def use_one_arena() -> None:
    """Let all threads share one heap, and large blocks none; each heap keeps what its largest hour needed."""
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_M_ARENA_MAX, 1)
        # Once set it stays: left alone it grows to what was freed, and arrays then scatter over the heap.
        _LIBC.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def give_back() -> None:
    """Return free memory to the machine. Some milliseconds."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)


def spare_what_is_known() -> None:
    """Let the collector leave alone what there is now: looking through a home's history takes 100 ms."""
    gc.freeze()


def look_through_all() -> None:
    """Let the collector look through everything again."""
    gc.unfreeze()
