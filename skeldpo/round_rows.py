"""What a round's training problems teach: made problem by problem in Ray's tasks, chosen and
written in the driver, which holds one problem's rows at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skeldpo.problem_map import ProblemMap
from skeldpo.records import Dropped, Problem
from skeldpo.store import Store, round_folder

if TYPE_CHECKING:
    from skeldpo.config import Config
    from skeldpo.train.learners.contract import AnyLearner


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRows:
    """What became of a round's problems: how many gave rows, and how many did not, by reason.
    `counts` go to the tracker, `account` to the terminal."""

    num_used: int
    dropped: tuple[Dropped, ...]
    counts: dict[str, float]
    account: str


class RoundMaker:
    """Makes the table of a round's rows from the finished tables of its sample stage."""

    def __init__(self, store: Store, index: int, learner: AnyLearner, config: Config) -> None:
        self._store = store
        self._folder = round_folder(index)
        self._learner = learner
        self._config = config
        self._problems = f"{learner.stage}.problems.parquet"
        self._map: ProblemMap[Any] = ProblemMap(
            folder=store.location(self._folder),
            output=store.location(self._folder),
            problems=self._problems,
            make=learner.maker(config, index),
            made=learner.made,
            table=learner.stage,
        )

    def make(self, problems: Sequence[Problem], tell: Callable[[str], None]) -> RoundRows:
        """Writes the table; RuntimeError, with the reasons, if it has no row."""
        learner = self._learner
        keys = [problem.problem_id for problem in problems]
        self._store.write_records(f"{self._folder}/{self._problems}", Problem, problems)
        self._map.run(keys, lambda num_done: tell(f"{learner.stage}: {num_done} of {len(keys)}"))
        counts: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        num_rows = 0

        def rows() -> Iterator[Any]:
            nonlocal num_rows
            for each in learner.choose_rows(lambda: self._map.made_rows(keys), self._config):
                counts.update(each.counts)
                dropped.update({row.reason: row.num_rows for row in each.dropped})
                num_rows += len(each.rows)
                yield from each.rows

        self._store.write_records(f"{self._folder}/{learner.table}", learner.row, rows())
        if not num_rows:
            reasons = "; ".join(f"{n}: {reason}" for reason, n in dropped.most_common())
            raise RuntimeError(
                f"{self._folder}: no preference {learner.wording.noun} from {len(keys)} problems "
                f"({reasons}); sample more (generate.num_samples), or lower pair.min_speedup"
            )
        return RoundRows(
            num_used=len(keys) - sum(dropped.values()),
            dropped=tuple(Dropped(reason=r, num_rows=n) for r, n in sorted(dropped.items())),
            counts={name: float(count) for name, count in counts.items()},
            account=learner.account(counts, len(keys)),
        )

    def drop_parts(self) -> None:
        """Removes what the table was made of."""
        self._map.drop()
        self._store.remove(f"{self._folder}/{self._problems}")
