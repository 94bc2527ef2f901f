"""Rows of a learner as examples: token ids, what was left out, and the plan that they give."""

from __future__ import annotations

import enum
import itertools
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skeldpo.checkpoints import Checkpoint, local_folder
from skeldpo.config import Config
from skeldpo.prompts import Prompts
from skeldpo.records import Dropped, content_id
from skeldpo.special_tokens import read_tokenizer
from skeldpo.storage.by_problem import Rows
from skeldpo.train.learners import make_learner
from skeldpo.train.loop import plan_steps
from skeldpo.train.saving import check_tokenizer

logger = logging.getLogger(__name__)

_NUM_CHECKED_TEXTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeExamples:
    """What can be trained on, and how many rows were left out for which reason; `errors` has, by
    problem, what was raised where an example should have been made."""

    kept: tuple[Any, ...]
    dropped: tuple[Dropped, ...]
    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The plan of a training run; `example_ids` are digests of its examples, sorted, the rest is as
    in MadeExamples; `num_problems` had rows."""

    num_problems: int
    num_steps: int
    example_ids: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    errors: Mapping[str, str]


def make_examples(rows: Rows[Any], folder: str, config: Config) -> MadeExamples:
    """Examples of train.learner's rows, with the token ids of the checkpoint's own tokenizer, which
    must survive a save and load."""
    learner = make_learner(config.train)
    tokenizer = read_tokenizer(folder)
    texts = (text for row in rows for text in learner.texts(row))
    check_tokenizer(tokenizer, list(itertools.islice(texts, _NUM_CHECKED_TEXTS)), folder)
    prompts = Prompts(tokenizer, config.policy)
    kept: list[Any] = []
    dropped: Counter[str] = Counter()
    errors: dict[str, str] = {}
    for row in rows:
        try:
            example = learner.make_example(row, prompts, config.policy.max_model_tokens)
        except Exception as error:  # of a row that nobody thought of: it costs its problem alone
            errors[row.problem_id] = f"{type(error).__name__}: {error}"
            dropped[f"quarantined: {errors[row.problem_id]}"] += 1
            continue
        if isinstance(example, enum.StrEnum):
            dropped[example.value] += 1
        else:
            kept.append(example)
    counts = [Dropped(reason=reason, num_rows=n) for reason, n in sorted(dropped.items())]
    for count in counts:
        noun = learner.wording.noun
        logger.warning("%d of %d %ss left out: %s", count.num_rows, len(rows), noun, count.reason)
    return MadeExamples(kept=tuple(kept), dropped=tuple(counts), errors=errors)


def prepare(
    rows: Rows[Any], start: Checkpoint, config: Config, seed: int
) -> tuple[Prepared, tuple[Any, ...]]:
    """What the driver needs to know of the examples of the rows, and these, which stay with Ray."""
    made = make_examples(rows, local_folder(start, weights=False), config)
    prepared = Prepared(
        num_problems=len({row.problem_id for row in rows}),
        num_steps=len(plan_steps(made.kept, make_learner(config.train), seed)),
        example_ids=tuple(sorted(content_id(example) for example in made.kept)),
        dropped=made.dropped,
        errors=made.errors,
    )
    return prepared, made.kept
