"""Log-probabilities of all pairs under the frozen start weights, and their table on disk.

The loaded checkpoint is the reference of its round, so the table is computed before the first
step (adapters are the identity then), once: a table of the same weights and token ids is read
instead. The same trees and code path as in training give ln 2 at step 0.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import torch
from pyarrow import Table
from torch import distributed
from torch.distributed.fsdp import FSDPModule

from skeldpo.records import ReferenceLogps
from skeldpo.rows import arrow_schema, from_row, to_row
from skeldpo.train.attention import row_multiple
from skeldpo.train.batch import PairTokens, build_trees
from skeldpo.train.network import Network, answer_logps, device_of, workers_of
from skeldpo.train.packing import pack_rows


@torch.no_grad()
def reference_logps(
    network: Network,
    pairs: Sequence[PairTokens],
    max_tokens_per_forward: int,
    model_id: str,
) -> list[ReferenceLogps]:
    """Summed log-probabilities of every pair, in order; every worker calls it and gets them all."""
    workers, device = workers_of(network), device_of(network)
    order: list[int] = []
    parts: list[torch.Tensor] = []
    network.eval()
    num_tokens = [pair.num_tokens for pair in pairs]
    for shares in pack_rows(num_tokens, max_tokens_per_forward, workers.num_workers):
        rows = shares[workers.rank]
        chosen = [pairs[row] for row in rows] or pairs[:1]
        logps = answer_logps(network, build_trees(chosen, row_multiple(device)).to(device))
        if rows:
            order += rows
            parts.append(logps.double())
    sums = torch.zeros(len(pairs), 4, dtype=torch.float64, device=device)  # (P, 4)
    if parts:
        sums[order] = torch.cat(parts)
    if isinstance(network, FSDPModule):
        network.reshard()
    if workers.num_workers > 1:
        distributed.all_reduce(sums)
    if not bool(sums.isfinite().all()):
        rows_with_gaps = (~sums.isfinite()).any(dim=1).nonzero().flatten().tolist()
        bad = [pairs[row].pair_id for row in rows_with_gaps]
        raise ValueError(
            f"reference log-probabilities must be finite, got NaN or infinity for pairs {bad}; "
            f"check the weights of {network.source_folder}"
        )
    return [
        ReferenceLogps(
            pair_id=pair.pair_id,
            model_id=model_id,
            tokens_id=pair.tokens_id,
            code_chosen=values[0],
            code_rejected=values[1],
            skeleton_chosen=values[2],
            skeleton_rejected=values[3],
        )
        for pair, values in zip(pairs, sums.tolist(), strict=True)
    ]


def save_reference(rows: Sequence[ReferenceLogps], path: str) -> None:
    """Writes the table as Parquet, aside and renamed."""
    aside = Path(f"{path}.{os.getpid()}.tmp")
    aside.parent.mkdir(parents=True, exist_ok=True)
    table = Table.from_pylist([to_row(row) for row in rows], schema=arrow_schema(ReferenceLogps))
    pq.write_table(table, aside)
    os.replace(aside, path)


def load_reference(path: str, pairs: Sequence[PairTokens], model_id: str) -> list[ReferenceLogps]:
    """The rows of the pairs, in order; none if the table is absent, or lacks one of them, or is of
    other weights or token ids."""
    if not Path(path).is_file():
        return []
    table = pq.read_table(path)
    if table.schema.names != arrow_schema(ReferenceLogps).names:
        return []  # of a version that did not store what it scored
    rows = [from_row(ReferenceLogps, row) for row in table.to_pylist()]
    known: Mapping[tuple[str, str], ReferenceLogps] = {
        (row.pair_id, row.tokens_id): row for row in rows if row.model_id == model_id
    }
    keys = [(pair.pair_id, pair.tokens_id) for pair in pairs]
    return [known[key] for key in keys] if all(key in known for key in keys) else []
