"""Memory that tensors gave back goes back to the system while a model is read or written.

glibc raises the size from which a block is mapped by itself (mallopt(3), M_MMAP_THRESHOLD) to that
of the largest block that was freed, 32 MiB at most; what is smaller then stays in the heap, with
holes. A worker that reads or writes a model tensor by tensor holds on to more of it that way than
it ever had at once.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of <malloc.h>."""
_SMALL_BYTES = 256 * 1024
_MOST_BYTES = 32 * 1024 * 1024
"""What glibc itself raises its threshold to, and half of its threshold of trimming then."""


@contextlib.contextmanager
def returning_memory() -> Iterator[None]:
    """While the block runs, and at its end, freed memory goes back to the system at once; where the
    C library is another than glibc, nothing changes. For the whole process, not for one thread."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield
        return
    library.mallopt(_M_MMAP_THRESHOLD, _SMALL_BYTES)
    library.mallopt(_M_TRIM_THRESHOLD, _SMALL_BYTES)
    try:
        yield
    finally:
        # A threshold that was set is no longer raised by glibc, so it is put where it would end.
        library.mallopt(_M_MMAP_THRESHOLD, _MOST_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _MOST_BYTES)
        library.malloc_trim(ctypes.c_size_t(0))
