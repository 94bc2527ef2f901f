"""What a round's training problems teach: made problem by problem in Ray's tasks, chosen and
written in the driver, which holds one problem's rows at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skeldpo.accounts.quarantine import keep_errors
from skeldpo.problem_map import ProblemMap
from skeldpo.records import Dropped, Problem
from skeldpo.storage.store import Store, round_folder

if TYPE_CHECKING:
    from skeldpo.config import Config
    from skeldpo.train.learners.contract import AnyLearner


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRows:
    """What became of a round's problems: how many gave rows, and how many did not, by reason.
    `figures` go to the tracker, `account` to the terminal."""

    num_used: int
    dropped: tuple[Dropped, ...]
    figures: dict[str, float]
    account: str


class RoundMaker:
    """Makes the table of a round's rows from the finished tables of its sample stage, and of those
    of `earlier` rounds that had problems of it, oldest first."""

    def __init__(
        self,
        store: Store,
        index: int,
        learner: AnyLearner,
        config: Config,
        earlier: Sequence[int] = (),
    ) -> None:
        self._store = store
        self._index = index
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
            earlier=tuple(store.location(round_folder(before)) for before in earlier),
        )

    def make(self, problems: Sequence[Problem], tell: Callable[[str], None]) -> RoundRows:
        """Writes the table, and a row of quarantine for each problem that nothing could be made of;
        RuntimeError, with the reasons, if those are too many, or if the table has no row."""
        learner = self._learner
        keys = [problem.problem_id for problem in problems]
        self._store.write_records(f"{self._folder}/{self._problems}", Problem, problems)
        self._map.run(
            keys,
            tell,
            lambda num_done: tell(f"{learner.stage}: {num_done} of {len(keys)}"),
            self._config.run.max_node_wait_s,
        )
        sums: dict[str, float] = defaultdict(float)
        dropped: Counter[str] = Counter()
        errors: dict[str, str] = {}
        num_rows = 0

        def rows() -> Iterator[Any]:
            nonlocal num_rows
            chosen = learner.choose_rows(lambda: self._map.made_rows(keys), self._config)
            for key, each in zip(keys, chosen, strict=True):
                for name, value in each.sums.items():
                    sums[name] += value
                dropped.update({row.reason: row.num_rows for row in each.dropped})
                num_rows += len(each.rows)
                if each.error:
                    errors[key] = each.error
                yield from each.rows

        self._store.write_records(f"{self._folder}/{learner.table}", learner.row, rows())
        self._keep_errors(errors, keys)
        if not num_rows:
            raise RuntimeError(self._nothing(dropped, len(keys)))
        figures, account = learner.sum_up(sums, len(keys))
        return RoundRows(
            num_used=len(keys) - sum(dropped.values()),
            dropped=tuple(Dropped(reason=r, num_rows=n) for r, n in sorted(dropped.items())),
            figures=figures,
            account=account,
        )

    def drop_parts(self) -> None:
        """Removes what the table was made of."""
        self._map.drop()
        self._store.remove(f"{self._folder}/{self._problems}")

    def _keep_errors(self, errors: dict[str, str], keys: Sequence[str]) -> None:
        for key in errors:
            self._map.forget(key)  # whoever starts again has mended it
        keep_errors(
            Store(self._store.location(self._folder)), errors, keys,
            self._config.run.max_quarantined, f"round {self._index}: {self._learner.stage}",
        )  # fmt: skip

    def _nothing(self, dropped: Counter[str], num_problems: int) -> str:
        wording = self._learner.wording
        reasons = "; ".join(f"{n}: {reason}" for reason, n in dropped.most_common())
        return (
            f"round {self._index}: no {wording.wanted} from {num_problems} problems ({reasons}); "
            f"{wording.advice}"
        )
