"""Log-probabilities of all examples under the frozen start weights, and their table on disk.

What a round starts from is its reference, with LoRA the base and the adapter as the round before
left it, so the table is computed before the first step, once: a table of the same weights and token
ids is read instead, and some of its rows are computed again to see that it is one. The same trees
and code path as in training give ln 2 at step 0.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import distributed

from skeldpo.records import ReferenceLogps
from skeldpo.storage.files import folder_and_name
from skeldpo.storage.store import Store
from skeldpo.train.batch import build_trees
from skeldpo.train.network import Network, add_up, device_of, rest, workers_of
from skeldpo.train.passes import plan_passes, score

REFERENCE_TOLERANCE = 0.1
"""Nats a token by which a stored value may differ from one that is computed now (bf16: 0.02)."""
_NUM_CHECKED = 8
_SAY_EVERY_S = 15.0

if TYPE_CHECKING:
    from skeldpo.train.learners.contract import AnyLearner, Example


@torch.no_grad()
def reference_logps(  # noqa: PLR0913
    network: Network,
    learner: AnyLearner,
    examples: Sequence[Example],
    max_tokens_per_forward: int,
    model_id: str,
    say: Callable[[str], None] = lambda line: None,
) -> list[ReferenceLogps]:
    """What the learner keeps of every example, in order; every worker calls it and gets it all.
    `say` hears how far it is, now and then."""
    ends = list(itertools.accumulate(example.num_reference_values for example in examples))
    places = [
        range(end - example.num_reference_values, end)
        for example, end in zip(examples, ends, strict=True)
    ]
    order: list[int] = []
    parts: list[torch.Tensor] = []
    network.eval()
    said_s = time.monotonic()
    passes = plan_passes(network, [each.tree for each in examples], max_tokens_per_forward)
    for index, work in enumerate(passes):
        if time.monotonic() - said_s >= _SAY_EVERY_S:
            said_s = time.monotonic()
            say(f"reference log-probabilities: {index} of {len(passes)} passes done")
        scores = score(network, work)
        values = learner.reference_values(scores.token_logps, scores.trees)
        if work.rows:
            order += [place for row in work.rows for place in places[row]]
            parts.append(values.double())
    num_values = ends[-1] if ends else 0
    found = torch.zeros(num_values, dtype=torch.float64, device=device_of(network))  # (R,)
    if parts:
        found[order] = torch.cat(parts)
    rest(network)
    add_up(network, found)
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
    store = Store(folder)
    if not store.exists(name):
        return []
    try:
        rows = store.read_records(name, ReferenceLogps)
    except ValueError:
        return []  # of a version that stored it otherwise
    known: Mapping[tuple[str, str], ReferenceLogps] = {
        (row.example_id, row.tokens_id): row for row in rows if row.model_id == model_id
    }
    keys = [(example.example_id, example.tokens_id) for example in examples]
    return [known[key] for key in keys] if all(key in known for key in keys) else []


def reference_table(  # noqa: PLR0913
    network: Network,
    learner: AnyLearner,
    examples: Sequence[Example],
    path: str,
    model_id: str,
    say: Callable[[str], None],
) -> dict[str, ReferenceLogps]:
    """Reference rows by example, before the first step: read by rank 0 for all and checked, or
    computed by all and written by rank 0. Every worker of a process group calls it."""
    rank, budget = workers_of(network).rank, learner.config.max_tokens_per_forward
    found: list[list[ReferenceLogps]] = [[]]
    if rank == 0:
        found = [load_reference(path, examples, model_id)]
    distributed.broadcast_object_list(found, src=0, device=device_of(network))
    (rows,) = found
    if rows:
        check_reference(network, learner, examples, rows, budget)
    else:
        rows = reference_logps(network, learner, examples, budget, model_id, say)
        if rank == 0:
            save_reference(rows, path)
    return {row.example_id: row for row in rows}


@torch.no_grad()
def check_reference(
    network: Network,
    learner: AnyLearner,
    examples: Sequence[Example],
    rows: Sequence[ReferenceLogps],
    max_tokens_per_forward: int,
) -> None:
    """Computes all values of some stored rows again, before the first step; RuntimeError names one
    that is not as stored. Every worker calls it, with rows in the order of the examples.

    The rows with the most values that are not 0 come first, then others spread over the table: so
    every kind of value is among them, whatever the first step trains on.
    """
    fullest = sorted(range(len(rows)), key=lambda place: -sum(map(bool, rows[place].logps)))
    half = _NUM_CHECKED // 2
    spread = fullest[half :: max(1, (len(rows) - half) // half)][:half]
    picked = [*fullest[:half], *spread]
    checked = [examples[place] for place in picked]
    again = reference_logps(network, learner, checked, max_tokens_per_forward, rows[0].model_id)
    for example, stored, now in zip(checked, (rows[place] for place in picked), again, strict=True):
        trees = build_trees([example.tree])
        counts = learner.reference_values(torch.ones(len(trees.target_ids)), trees).tolist()
        for column, (left, right) in enumerate(zip(stored.logps, now.logps, strict=True)):
            gap = abs(left - right) / max(1.0, counts[column])
            if gap > REFERENCE_TOLERANCE:
                raise RuntimeError(
                    f"the stored reference log-probabilities of {learner.wording.noun} "
                    f"{example.example_id} are not those of {network.source_folder}: value "
                    f"{column} is {left:.3f}, computed now {right:.3f}, {gap:.3f} nats a token "
                    f"(limit {REFERENCE_TOLERANCE}); delete the reference table and run again"
                )
