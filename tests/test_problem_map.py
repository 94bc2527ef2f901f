"""The map over problems: the same pairs as the function gives, read and made problem by problem."""

from __future__ import annotations

import dataclasses
import functools
import random
from pathlib import Path

import pair_rows
import pytest
import ray
from tiny_policy import tiny_config

from skeldpo import problem_map
from skeldpo.accounts.quarantine import read_quarantine
from skeldpo.config import Config, SkeletonConfig
from skeldpo.pair import ProblemPairs, balance_lengths, build_pairs, pairs_or_reason
from skeldpo.problem_map import ProblemMap
from skeldpo.records import Candidate, Measurement, PreferencePair, Problem
from skeldpo.rounds.round_rows import RoundMaker
from skeldpo.storage.by_problem import (
    MeasuredProblem,
    Sampled,
    count_values,
    index_problems,
    measured_problems,
)
from skeldpo.storage.store import Store, round_folder
from skeldpo.train.learners.preferences import Preferences

NUM_PROBLEMS = 70


@dataclasses.dataclass(frozen=True)
class Recorded:
    """Problems with their rows in memory, in no order that a reader could rely on."""

    problems: list[Problem]
    candidates: list[Candidate]
    measurements: list[Measurement]

    def built(self, config: Config) -> list[ProblemPairs]:
        """What the function gives."""
        return [
            build_pairs(
                problem=each.problem,
                candidates=each.candidates,
                measurements=each.measurements,
                pair=config.pair,
                skeleton=config.skeleton,
                round_index=1,
            )
            for each in measured_problems(self.problems, self.candidates, self.measurements)
        ]

    def write(self, store: Store, folder: str) -> None:
        store.write_records(f"{folder}/problems.parquet", Problem, self.problems)
        store.write_records(f"{folder}/candidates.parquet", Candidate, self.candidates)
        store.write_records(f"{folder}/measurements.parquet", Measurement, self.measurements)


def recorded(num_problems: int) -> Recorded:
    """Programs of one problem under many names, with other times in each, some not measured; the
    rows of every seventh problem lie in two places."""
    rng = random.Random(0)
    made = Recorded([], [], [])
    late: list[Candidate] = []
    for number in range(num_problems):
        key = f"Set/{number}"
        problem = dataclasses.replace(pair_rows.PROBLEM, problem_id=key)
        candidates, rows = pair_rows.whole_problem()
        slowness = 1 + 0.5 * rng.random()
        own = [
            dataclasses.replace(
                c, problem_id=key, candidate_id=f"{key}-{c.candidate_id}",
                code=c.code + "noted = 0\n" * rng.randrange(9),
                completion_token_ids=tuple(rng.choices(range(50_000), k=200)),
            )
            for c in candidates
        ]  # fmt: skip
        made.problems.append(problem)
        made.candidates.extend(own[:-1])
        (late if number % 7 == 0 else made.candidates).append(own[-1])
        if number % 10 == 9:
            continue
        for row in rows:
            is_slow = "slow" in row.candidate_id and row.phase == "confirm"
            times = tuple(round(t * slowness) if is_slow else t for t in row.cpu_times_ns)
            ids = {name: f"{key}-{getattr(row, name)}" for name in ("candidate_id", "equal_to")}
            made.measurements.append(
                dataclasses.replace(row, problem_id=key, cpu_times_ns=times, **ids)
            )
    made.candidates.extend(late)
    return made


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EarlierIds:
    """Ids of the candidates of each earlier round."""

    problem_id: str
    rounds: tuple[tuple[str, ...], ...]


def earlier_ids(measured: MeasuredProblem) -> EarlierIds:
    return EarlierIds(
        problem_id=measured.problem.problem_id,
        rounds=tuple(tuple(c.candidate_id for c in one.candidates) for one in measured.earlier),
    )


def pairs_map(folder: str, config: Config) -> ProblemMap[ProblemPairs]:
    return ProblemMap(
        folder=folder,
        output=folder,
        problems="problems.parquet",
        make=functools.partial(
            pairs_or_reason, pair=config.pair, skeleton=config.skeleton, round_index=1
        ),
        made=ProblemPairs,
        table="pair",
    )


@pytest.mark.parametrize("balance", [0.0, 0.3])
def test_rows_of_a_round_are_what_the_function_gives_of_each_problem(
    tmp_path: Path, balance: float
) -> None:
    """Bit for bit, in the order of the problems, with every dropped problem and count."""
    given = recorded(11)
    config = tiny_config()
    config = config.model_copy(
        update={"pair": config.pair.model_copy(update={"balance_lengths": balance})}
    )
    built = given.built(config)
    expected = list(balance_lengths(lambda: built, balance))
    pairs = [pair for problem in expected for pair in problem.pairs]
    assert len(pairs) > 10
    assert (len(pairs) < sum(len(problem.pairs) for problem in built)) == (balance > 0)

    store = Store(str(tmp_path))
    given.write(store, round_folder(1))
    maker = RoundMaker(store, 1, Preferences(config.train), config)
    made = maker.make(given.problems, lambda line: None)
    assert store.read_records(f"{round_folder(1)}/pairs.parquet", PreferencePair) == pairs
    assert sum(row.num_rows for row in made.dropped) == sum(not p.pairs for p in expected)
    assert made.num_used == sum(bool(p.pairs) for p in expected)
    assert sum(made.figures.values()) == len(pairs)
    assert made.account.endswith("correctness pairs from 11 problems")
    maker.drop_parts()
    assert store.names(round_folder(1)) == [
        "candidates.parquet", "measurements.parquet", "pairs.parquet", "problems.parquet",
    ]  # fmt: skip


def test_round_without_a_row_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    given = dataclasses.replace(recorded(2), measurements=[])
    store = Store(str(tmp_path))
    given.write(store, round_folder(3))
    maker = RoundMaker(store, 3, Preferences(tiny_config().train), tiny_config())
    with pytest.raises(RuntimeError, match=r"round 3: no preference pair from 2 problems \(2: "):
        maker.make(given.problems, lambda line: None)


def test_a_map_that_is_started_again_makes_only_what_is_missing(tmp_path: Path) -> None:
    given = recorded(4)
    store = Store(str(tmp_path))
    given.write(store, ".")
    mapped = pairs_map(store.root, tiny_config())
    keys = [problem.problem_id for problem in given.problems]
    mapped.run(keys[:2])
    kept = list(mapped.made_rows(keys[:2]))
    store.write_records("candidates.parquet", Candidate, given.candidates[9:])
    told: list[int] = []
    mapped.run(keys, on_progress=told.append)
    assert told == [4]
    assert list(mapped.made_rows(keys))[:2] == kept
    assert list(mapped.made_rows(keys)) == given.built(tiny_config())


def test_an_index_finds_rows_in_several_places_and_values_are_counted(tmp_path: Path) -> None:
    given = recorded(30)
    store = Store(str(tmp_path))
    given.write(store, ".")
    index = index_problems(store, "candidates.parquet")
    assert list(index) == [problem.problem_id for problem in given.problems]
    assert [len(spans) for spans in index.values()] == [2 - bool(n % 7) for n in range(30)]
    found = list(Sampled(store.root).iter_problems(given.problems))
    assert found == list(measured_problems(given.problems, given.candidates, given.measurements))
    phases = count_values(store, "measurements.parquet", ("phase", "core"))
    assert phases[("confirm", 1)] == 2 * 27
    assert sum(phases.values()) == len(given.measurements)


@pytest.mark.ray
def test_tasks_of_a_cluster_make_the_same_pairs(tmp_path: Path) -> None:
    """More problems than are gone through without Ray; a problem that nothing can be made of costs
    itself alone, and what a task raises is told."""
    given = recorded(NUM_PROBLEMS)
    assert NUM_PROBLEMS > 2 * problem_map.PROBLEMS_A_TASK
    config = tiny_config()
    store = Store(str(tmp_path))
    given.write(store, ".")
    keys = [problem.problem_id for problem in given.problems]
    told: list[int] = []
    try:
        pairs_map(store.root, config).run(keys, on_progress=told.append)
        assert (len(told), max(told)) == (3, NUM_PROBLEMS)
        made = list(pairs_map(store.root, config).made_rows(keys))
        assert made == given.built(config)
        store.remove("pair.parts")
        twice = [*given.candidates, given.candidates[0]]
        store.write_records("candidates.parquet", Candidate, twice)
        pairs_map(store.root, config).run(keys)
        made = list(pairs_map(store.root, config).made_rows(keys))
        assert [row.problem_id for row in made if row.error] == ["Set/0"]
        assert "repeated" in made[0].error
        store.remove("pair.parts")
        failing = dataclasses.replace(pairs_map(store.root, config), make=int)
        with pytest.raises(RuntimeError, match="0 of 70 problems: .*not 'MeasuredProblem'"):
            failing.run(keys)
    finally:
        ray.shutdown()


def test_pairs_of_is_build_pairs() -> None:
    candidates, rows = pair_rows.whole_problem()
    (measured,) = measured_problems([pair_rows.PROBLEM], candidates, rows)
    made = pairs_or_reason(measured, pair=pair_rows.PAIR, skeleton=SkeletonConfig(), round_index=3)
    assert made == pair_rows.build(candidates, rows)


def test_a_problem_that_nothing_can_be_made_of_is_quarantined_and_made_again(
    tmp_path: Path,
) -> None:
    """A candidate twice; put right, and started again after too many were lost."""
    given = recorded(4)
    twice = dataclasses.replace(given, candidates=[*given.candidates, given.candidates[5]])
    config = tiny_config()
    store = Store(str(tmp_path))
    twice.write(store, round_folder(1))
    keep = config.run.model_copy(update={"max_quarantined": 0.25})
    lenient = config.model_copy(update={"run": keep})
    made = RoundMaker(store, 1, Preferences(config.train), lenient).make(
        given.problems, lambda line: None
    )
    (lost,) = read_quarantine(Store(store.location(round_folder(1))))
    assert (lost.problem_id, "repeated" in lost.reason) == ("Set/1", True)
    assert made.num_used == 3
    keep = config.run.model_copy(update={"max_quarantined": 0.1})
    strict = config.model_copy(update={"run": keep})
    maker = RoundMaker(store, 1, Preferences(config.train), strict)
    with pytest.raises(RuntimeError, match="round 1: pair: 1 of 4 problems are quarantined"):
        maker.make(given.problems, lambda line: None)
    given.write(store, round_folder(1))
    assert maker.make(given.problems, lambda line: None).num_used == 4
    assert read_quarantine(Store(store.location(round_folder(1)))) == []


def test_programs_of_earlier_rounds_reach_the_function(tmp_path: Path) -> None:
    """One of the two earlier rounds had the problem, the other others."""
    given, other = recorded(2), recorded(1)
    store = Store(str(tmp_path))
    for folder, rows in (("1", other), ("2", given), ("3", given)):
        rows.write(store, folder)
    config = tiny_config()
    mapped = dataclasses.replace(
        pairs_map(store.location("3"), config),
        earlier=(store.location("1"), store.location("2")),
        make=earlier_ids,
        made=EarlierIds,
    )
    keys = [problem.problem_id for problem in given.problems]
    mapped.run(keys)
    made = {row.problem_id: row for row in mapped.made_rows(keys)}
    own = [c.candidate_id for c in given.candidates if c.problem_id == "Set/1"]
    assert made["Set/1"].rounds == (tuple(own),)
    assert [len(ids) for ids in made["Set/0"].rounds] == [5, 5]


def test_candidates_of_a_policy_are_drawn(tmp_path: Path) -> None:
    given = recorded(9)
    store = Store(str(tmp_path))
    candidates = [
        dataclasses.replace(c, model_id="other" if n % 3 else "own")
        for n, c in enumerate(given.candidates)
    ]
    dataclasses.replace(given, candidates=candidates).write(store, ".")
    drawn = Sampled(store.root).draw_candidates("own", 6, seed=0)
    assert len(drawn) == 6 and all(row in candidates[::3] for row in drawn)
    assert Sampled(store.root).draw_candidates("own", 6, seed=1) != drawn
    assert Sampled(store.root).draw_candidates("own", 100, seed=1) == candidates[::3]
