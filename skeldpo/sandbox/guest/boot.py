"""Start of PID 1 of a sandbox: lays out the memory that every run's fork copies, then serves.

Standard library only; copied into the image beside serve.py. Each page that PID 1 or a child writes
after a fork is copied, and Python writes wherever it counts a reference. So little is loaded, and
the guest's own modules come last, when no free block is left among the objects of the others: they
lie together, on few pages. Both change the speed of a run and nothing else.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util

# What most programs use; a child loads the rest (child.LOADED_AHEAD) if its program imports it.
_FOR_PROGRAMS = (
    "bisect collections collections.abc copy functools heapq io itertools math operator re string "
    "typing"
)
_FOR_THE_GUEST = "contextlib ctypes fcntl json marshal mmap resource select signal struct"
_BLOCK_SIZES = range(48, 513, 16)  # of CPython's small objects; a pool of one size starts with
_POOL_BYTES, _POOL_HEADER_BYTES = 16 << 10, 48
_MOST_BLOCKS, _ROW = 2000, 4
_BLOCKS: list[bytes] = []


def main() -> None:
    """Loads what programs import, then the guest, and serves until the host has gone."""
    for name in f"{_FOR_PROGRAMS} {_FOR_THE_GUEST}".split():
        importlib.import_module(name)
    if importlib.util.find_spec("numpy"):  # its import would be a tenth of a second of every run
        importlib.import_module("numpy")
    gc.collect()
    _fill_free_blocks()
    importlib.import_module("skeldpo.sandbox.guest.serve").main()


def _fill_free_blocks() -> None:
    """Takes the free blocks of every size, for good: up to the first ones of a pool that nothing
    has used, which come in a row (elsewhere than in CPython: some blocks more or less)."""
    for size in _BLOCK_SIZES:
        place = in_a_row = 0
        for _ in range(_MOST_BLOCKS):
            _BLOCKS.append(bytes(size - b"".__sizeof__()))
            last, place = place, id(_BLOCKS[-1])
            if place % _POOL_BYTES == _POOL_HEADER_BYTES:
                in_a_row = 1
            elif in_a_row:
                in_a_row = in_a_row + 1 if place == last + size else 0
            if in_a_row == _ROW:
                break


if __name__ == "__main__":
    main()
