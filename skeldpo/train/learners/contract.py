"""What a learner is: read this before you write one.

A learner is a class of one module beside this one, named by `train.learner`. It says what a round's
samples teach and with which loss; everything else in `skeldpo.train` (trees, network, reference,
loop, trainer) is the same for all, and knows of examples and sequences only:

    a problem's samples -> what it gives maker, in Ray's tasks; a part of the round
    of all problems -> rows              choose_rows, in the driver; a table of the round
    row -> example                       make_example: token ids, laid out as a prefix tree
    examples -> phases -> steps          phases; the loop shuffles, cuts and schedules
    token log-probabilities -> loss      losses; metrics makes figures of its statistics

Shapes: B examples, S sequences, N scored tokens, K statistics, R reference values of one forward
pass. What belongs to examples lies one after the other, in their order.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import torch

    from skeldpo.config import Config, TrainConfig
    from skeldpo.prompts import Prompts
    from skeldpo.records import Dropped
    from skeldpo.storage.by_problem import MeasuredProblem
    from skeldpo.train.batch import Tree, TreeBatch


class Example(Protocol):
    """What every example can say of itself; the rest is its learner's own."""

    @property
    def example_id(self) -> str:
        """Unique within a training run."""

    @property
    def tokens_id(self) -> str:
        """Digest of all token ids that are read and scored."""

    @property
    def tree(self) -> Tree:
        """Its sequences, what they share laid out once."""

    @property
    def num_tokens(self) -> int:
        """Of the tree."""

    @property
    def weight(self) -> float:
        """What its loss counts beside that of others."""

    @property
    def num_reference_values(self) -> int:
        """Numbers that `Learner.reference_values` keeps of it."""


RowT = TypeVar("RowT")
ExampleT = TypeVar("ExampleT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRows(Generic[RowT]):
    """What a learner keeps of a problem. `dropped` has the problem with the reason if it gave no
    row, else nothing; `sums` are added up over a round, for `Learner.sum_up`. `error` says what was
    raised where a row should have been made: the problem is then quarantined, and dropped."""

    rows: tuple[RowT, ...]
    dropped: tuple[Dropped, ...]
    sums: Mapping[str, float]
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase(Generic[ExampleT]):
    """Examples that are gone through `num_epochs` times, which `train.NAME_epochs` sets, before
    those of the next phase."""

    name: str
    examples: tuple[ExampleT, ...]
    num_epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored(Generic[ExampleT]):
    """One forward pass: its examples, and what network and reference say of their tokens."""

    phase: str
    examples: Sequence[ExampleT]
    trees: TreeBatch
    token_logps: torch.Tensor  # (N,) fp32, with its graph; TreeBatch says whose
    reference: torch.Tensor  # (R,) fp32


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleLosses:
    """What the loss says of each example.

    `reference_gap` is the largest difference between network and reference, in nats a token: before
    the first step they are the same weights. 0 for a learner without a reference.
    """

    loss: torch.Tensor  # (B,), with its graph
    statistics: torch.Tensor  # (B, K), without
    reference_gap: torch.Tensor  # (B,), without


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How messages and the model card speak of a learner: what an example is called, the card's
    tag, what the policy was trained on ("on 12 ..."), and the metrics that the card shows; what a
    round without a row lacks, and what a user can do then."""

    noun: str
    wanted: str
    advice: str
    tag: str
    trained_on: str
    card_metrics: tuple[str, ...]


class Learner(Protocol[RowT, ExampleT]):
    """From samples to examples, and from examples to a loss. Pure, but for the import of a stage.

    `stage` names the stage that makes the rows and `table` their file in the round's folder;
    `statistics` names the K columns of ExampleLosses.statistics.
    """

    stage: ClassVar[str]
    table: ClassVar[str]
    wording: ClassVar[Wording]
    statistics: ClassVar[tuple[str, ...]]

    @property
    def config(self) -> TrainConfig:
        """The [train] section."""

    @property
    def row(self) -> type[RowT]:
        """The record of a row."""

    @property
    def examples_per_step(self) -> int:
        """Of one optimizer step, over all workers."""

    @property
    def made(self) -> type[Any]:
        """The record of what `maker` makes of a problem."""

    def maker(self, config: Config, round_index: int) -> Callable[[MeasuredProblem], Any]:
        """A pure function of one problem, which names what it cannot use in what it makes: one
        problem must cost no other its rows. It travels to Ray's tasks, so its module needs no
        torch."""

    def choose_rows(
        self, made: Callable[[], Iterable[Any]], config: Config
    ) -> Iterator[ProblemRows[RowT]]:
        """What is kept of each problem, in order. `made` gives what was made of them, each time it
        is asked, read one at a time: what depends on all of a round is found by going through it
        first."""

    def sum_up(self, sums: Mapping[str, float], num_problems: int) -> tuple[dict[str, float], str]:
        """Figures of a round's rows for the tracker, and a line of progress, from the sums over its
        problems."""

    def texts(self, row: RowT) -> tuple[str, ...]:
        """Texts of a row, to try the tokenizer on."""

    def make_example(self, row: RowT, prompts: Prompts, max_tokens: int) -> ExampleT | enum.StrEnum:
        """Token ids of a row, or the reason why it is left out; nothing is ever cut."""

    def phases(self, examples: Sequence[ExampleT]) -> tuple[Phase[ExampleT], ...]:
        """In the order in which they are trained; their names are told to `losses`."""

    def reference_values(self, token_logps: torch.Tensor, trees: TreeBatch) -> torch.Tensor:
        """What is kept (R,) of log-probabilities (N,) under the frozen start weights."""

    def losses(self, scored: Scored[ExampleT]) -> ExampleLosses:
        """A step's loss is the sum over its examples, times their weights, divided by their
        number: how a forward pass is filled must not matter to an example's loss."""

    def metrics(self, statistics: torch.Tensor, phase: str) -> dict[str, float]:
        """Of a step, from the statistics (P, K) of all its examples; `loss` must be there."""

    def reason_to_stop(self, history: Sequence[Mapping[str, float]]) -> str:
        """Why training must end after a step, from the metrics so far; empty to go on."""

    def progress(self, metrics: Mapping[str, float]) -> str:
        """A step's metrics for a line of progress."""


AnyLearner = Learner[Any, Any]
