"""Log-probabilities of all examples under the frozen start weights, and their table on disk.

The loaded checkpoint is the reference of its round, so the table is computed before the first
step (adapters are the identity then), once: a table of the same weights and token ids is read
instead. The same trees and code path as in training give ln 2 at step 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import distributed
from torch.distributed.fsdp import FSDPModule

from skeldpo.files import folder_and_name
from skeldpo.records import ReferenceLogps
from skeldpo.store import Store
from skeldpo.train.attention import row_multiple
from skeldpo.train.batch import build_trees
from skeldpo.train.network import Network, device_of, token_logps, workers_of
from skeldpo.train.packing import pack_rows

if TYPE_CHECKING:
    from skeldpo.train.learners.contract import AnyLearner, Example


@torch.no_grad()
def reference_logps(
    network: Network,
    learner: AnyLearner,
    examples: Sequence[Example],
    max_tokens_per_forward: int,
    model_id: str,
) -> list[ReferenceLogps]:
    """What the learner keeps of every example, in order; every worker calls it and gets it all."""
    workers, device = workers_of(network), device_of(network)
    ends = list(itertools.accumulate(example.num_reference_values for example in examples))
    places = [
        range(end - example.num_reference_values, end)
        for example, end in zip(examples, ends, strict=True)
    ]
    order: list[int] = []
    parts: list[torch.Tensor] = []
    network.eval()
    num_tokens = [example.num_tokens for example in examples]
    for shares in pack_rows(num_tokens, max_tokens_per_forward, workers.num_workers):
        rows = shares[workers.rank]
        given = [examples[row] for row in rows] or examples[:1]
        trees = build_trees([each.tree for each in given], row_multiple(device)).to(device)
        values = learner.reference_values(token_logps(network, trees), trees)
        if rows:
            order += [place for row in rows for place in places[row]]
            parts.append(values.double())
    found = torch.zeros(ends[-1] if ends else 0, dtype=torch.float64, device=device)  # (R,)
    if parts:
        found[order] = torch.cat(parts)
    if isinstance(network, FSDPModule):
        network.reshard()
    if workers.num_workers > 1:
        distributed.all_reduce(found)
    kept = found.tolist()
    made = [
        ReferenceLogps(
            example_id=example.example_id,
            model_id=model_id,
            tokens_id=example.tokens_id,
            logps=tuple(kept[place.start : place.stop]),
        )
        for example, place in zip(examples, places, strict=True)
    ]
    bad = [row.example_id for row in made if not all(map(math.isfinite, row.logps))]
    if bad:
        raise ValueError(
            "reference log-probabilities must be finite, got NaN or infinity for "
            f"{learner.wording.noun}s {bad}; check the weights of {network.source_folder}"
        )
    return made


def save_reference(rows: Sequence[ReferenceLogps], path: str) -> None:
    """Writes the table as Parquet, all at once."""
    folder, name = folder_and_name(path)
    Store(folder).write_records(name, ReferenceLogps, rows)


def load_reference(path: str, examples: Sequence[Example], model_id: str) -> list[ReferenceLogps]:
    """The rows of the examples, in order; none if the table is absent, or lacks one of them, or is
    of other weights or token ids."""
    folder, name = folder_and_name(path)
    if not Store(folder).exists(name):
        return []
    try:
        rows = Store(folder).read_records(name, ReferenceLogps)
    except ValueError:
        return []  # of a version that stored it otherwise
    known: Mapping[tuple[str, str], ReferenceLogps] = {
        (row.example_id, row.tokens_id): row for row in rows if row.model_id == model_id
    }
    keys = [(example.example_id, example.tokens_id) for example in examples]
    return [known[key] for key in keys] if all(key in known for key in keys) else []
