"""A process group of one, which is what `train.num_workers = 1` trains with."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import Any

from torch import distributed
from torch.distributed.device_mesh import init_device_mesh


@contextlib.contextmanager
def one_worker(device: str) -> Iterator[Any]:
    """The 1-D mesh of this process on its "cpu" or "cuda" device."""
    with tempfile.TemporaryDirectory() as folder:
        distributed.init_process_group(
            "nccl" if device == "cuda" else "gloo",
            init_method=f"file://{folder}/rendezvous",
            rank=0,
            world_size=1,
        )
        try:
            yield init_device_mesh(device, (1,))
        finally:
            distributed.destroy_process_group()
