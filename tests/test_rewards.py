"""What a program earns: levels of speed, the parts of a reward, advantages, noise."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
import statistics

import pytest
from pair_rows import FAST, PROBLEM, SLOW, STEADY, WRONG, candidate, measurement, timed

from benchmarks.reward_noise import Group, figures_of
from skeldpo.config import PolicyGradientConfig, RewardsConfig
from skeldpo.records import Outcome
from skeldpo.rewards.advantages import advantages
from skeldpo.rewards.levels import speed_levels
from skeldpo.rewards.of_problem import UNTIMED, problem_rewards
from skeldpo.suites.metrics import beyond

CONFIG = RewardsConfig()
MANY = (1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0)


def rewarded(candidates, rows, **config):
    found = problem_rewards(
        problem=PROBLEM,
        candidates=candidates,
        measurements=rows,
        config=RewardsConfig(**config),
    )
    return {row.candidate_id: row for row in found.rewards}, found


def whole(key, ratio, **changes):
    """Verdict and confirming session of a program."""
    return [measurement(key), timed(key, ratio, noise=MANY, **changes)]


def program(key, ratio=0.0, code="", **changes):
    """A candidate of its own text."""
    return candidate(key, code or f"def f(a):\n    return {ratio}\n", **changes)


def test_levels_are_cut_where_everything_across_was_shown():
    ratios = {"a": 0.0, "b": 0.1, "c": 0.9, "d": 1.0}
    shown = {(x, y) for x in "ab" for y in "cd"}
    levels = speed_levels(ratios, shown)
    assert [level.programs for level in levels] == [("a", "b"), ("c", "d")]
    assert [level.log_ratio for level in levels] == pytest.approx([0.05, 0.95])
    assert len(speed_levels(ratios, shown - {("b", "c")})) == 1, "b and c are ties"
    assert len(speed_levels(ratios, {*shown, ("a", "b")})) == 3
    assert speed_levels({}, ()) == ()
    assert len(speed_levels(ratios, ())) == 1


def test_no_difference_shown_is_always_a_tie():
    """A chain whose ends differ and whose neighbours do not is one level."""
    order = "abcd"
    shown = {(x, y) for x, y in itertools.combinations(order, 2) if ord(y) - ord(x) > 1}
    ratios = {key: float(place) for place, key in enumerate(order)}
    assert len(speed_levels(ratios, shown)) == 1


def test_reward_is_right_plus_share_of_log_speedup():
    """Baseline 100 ms: 25 ms is 4 times as fast, log 4 / log 8 = 2/3; 400 ms the same downwards."""
    rows = [*whole("quick", 0.25), *whole("slow", 4.0)]
    rows.append(measurement("wrong", outcome=Outcome.WRONG_ANSWER))
    candidates = [program("quick", 1), program("slow", 2), program("wrong", code=WRONG)]
    rewards, found = rewarded(candidates, rows)
    assert rewards["quick"].reward == pytest.approx(1 + 0.5 * 2 / 3, abs=0.01)
    assert rewards["slow"].reward == pytest.approx(1 - 0.5 * 2 / 3, abs=0.01)
    assert rewards["wrong"].reward == 0
    assert [rewards[key].level for key in ("quick", "slow", "wrong")] == [0, 1, UNTIMED]
    assert len(found.levels) == 2
    none, _ = rewarded(candidates, rows, speed="none")
    assert [row.reward for row in none.values()] == [1, 1, 0]


def test_what_is_not_shown_earns_the_same():
    """5 % apart is no difference, and none to the baseline; 1.5 times is one."""
    rows = [*whole("a", 1.0), *whole("b", 1.05), *whole("c", 0.95), *whole("d", 1.6)]
    rewards, _ = rewarded([program(key, n) for n, key in enumerate("abcd")], rows)
    assert rewards["a"].reward == rewards["b"].reward == rewards["c"].reward == 1.0
    assert rewards["d"].reward < 0.95


def test_what_starting_may_take_earns_nothing():
    """0.14 and 0.40 ms: one program, one with `List[int]` in its signature; the baseline, 0.8."""
    rows = [measurement(key) for key in "ab"]
    rows += [
        timed(key, ratio, baseline_times_ns=(800_000,) * len(STEADY))
        for key, ratio in (("a", 0.0014), ("b", 0.0040))
    ]
    rewards, found = rewarded([program("a", 1), program("b", 2)], rows)
    assert (rewards["a"].reward, rewards["b"].reward) == (1.0, 1.0)
    assert [level.log_ratio for level in found.levels] == [0.0]


def test_speed_of_a_level_apart_from_the_baseline_is_its_mean():
    rows = [*whole("a", 0.50), *whole("b", 0.52)]
    rewards, _ = rewarded([program("a", 1), program("b", 2)], rows)
    assert rewards["a"].reward == rewards["b"].reward
    middle = -math.log(0.50 * 0.52) / 2 / math.log(8)
    assert rewards["a"].speed == pytest.approx(middle, abs=0.01)


def test_an_untimed_program_is_neither_fast_nor_slow():
    rows = [*whole("quick", 0.25), *whole("slow", 4.0), measurement("other")]
    rewards, _ = rewarded([program(k, n) for n, k in enumerate(("quick", "slow", "other"))], rows)
    assert rewards["other"].level == UNTIMED
    assert rewards["other"].speed == pytest.approx(
        statistics.fmean([rewards["quick"].speed, rewards["slow"].speed])
    )


def test_a_cut_off_program_says_nothing_of_what_an_untimed_one_earns():
    """It earns nothing for its speed itself."""
    rows = [*whole("quick", 0.25), *whole("slow", 4.0), *whole("cut", 0.125), measurement("lost")]
    candidates = [program(key, place) for place, key in enumerate(("quick", "slow", "lost"))]
    candidates.append(program("cut", 9, finish_reason="length"))
    rewards, _ = rewarded(candidates, rows)
    assert (rewards["cut"].is_right, rewards["lost"].level) == (False, UNTIMED)
    speeds = [rewards[key].speed for key in ("quick", "slow")]
    assert rewards["lost"].speed == pytest.approx(statistics.fmean(speeds), abs=1e-12)


def test_rounding_is_no_difference_in_reward():
    """The mean of three times 0.6808557422807528 is not that number."""
    rows = [row for key in "abc" for row in whole(key, 0.2427314150806623)]
    rewards, _ = rewarded([program(k, n) for n, k in enumerate("abcu")], [*rows, measurement("u")])
    assert rewards["u"].level == UNTIMED
    assert {row.reward for row in rewards.values()} == {1.3404278711403763}


def test_no_slower_level_earns_more_than_the_one_at_the_baseline():
    """y is 1.25 times as fast as z, z as the baseline; two disturbed rounds, one of y and one of
    the baseline, leave nothing shown between y and the baseline."""
    y, z, base = ([80_000_000] * 15, [100_000_000] * 15, [125_000_000] * 15)
    y[0], base[1] = 310_000_000, 37_000_000
    rows = [measurement("y"), measurement("z")]
    for key, times in (("y", y), ("z", z)):
        row = measurement(key, "confirm", times=times, baseline_times_ns=tuple(base))
        rows.append(row)
    rewards, _ = rewarded([program("y", 1), program("z", 2)], rows)
    assert (rewards["y"].level, rewards["z"].level) == (0, 1)
    assert (rewards["y"].reward, rewards["z"].reward) == (1.0, 1.0)


def test_copies_earn_what_the_program_earns():
    rows = [*whole("quick", 0.25), *whole("slow", 4.0)]
    rows.append(measurement("copy", equal_to="slow"))
    rewards, _ = rewarded([program(k, n) for n, k in enumerate(("quick", "slow", "copy"))], rows)
    assert rewards["copy"].reward == rewards["slow"].reward != rewards["quick"].reward
    assert rewards["copy"].level == 1


def test_a_program_that_is_stopped_on_timed_inputs_is_the_slowest():
    rows = [*whole("quick", 0.25), *whole("slow", 4.0), measurement("stuck")]
    rows.append(measurement("stuck", "screen", Outcome.TIME_LIMIT))
    rows += [measurement("odd"), measurement("odd", "screen", Outcome.RUNTIME_ERROR)]
    keys = ("quick", "slow", "stuck", "odd")
    rewards, found = rewarded([program(k, n) for n, k in enumerate(keys)], rows)
    assert rewards["stuck"].reward == 0.5
    assert rewards["stuck"].level == 2
    assert rewards["stuck"].reward < rewards["slow"].reward
    assert "odd" not in rewards
    assert "RUNTIME_ERROR on timed inputs" in found.dropped[0].reason


def test_what_breaks_out_earns_nothing_and_what_the_machine_broke_is_left_out():
    rows = [
        measurement("out", outcome=Outcome.VIOLATION),
        measurement("lost", outcome=Outcome.SANDBOX_FAILED),
        measurement("fault", outcome=Outcome.FAULTY_PROBLEM),
        measurement("right"),
    ]
    keys = ("out", "lost", "fault", "right")
    rewards, found = rewarded([program(k, n) for n, k in enumerate(keys)], rows)
    assert {key: row.reward for key, row in rewards.items()} == {"out": 0, "right": 1}
    assert sum(row.num_rows for row in found.dropped) == 2


def test_where_several_answers_are_right_another_one_is_not_wrong():
    several = dataclasses.replace(PROBLEM, statement="Print any of the answers.")
    rows = [measurement("a"), measurement("b", outcome=Outcome.WRONG_ANSWER)]
    rows.append(measurement("c", outcome=Outcome.RUNTIME_ERROR))
    found = problem_rewards(
        problem=several,
        candidates=[program(key, n) for n, key in enumerate("abc")],
        measurements=rows,
        config=CONFIG,
    )
    assert {row.candidate_id: row.reward for row in found.rewards} == {"a": 1.0, "c": 0.0}


def test_penalties_are_none_unless_asked_for():
    code = "def f(a):\n    return 1  " + "#" * 475 + "\n"
    rows = [measurement("cut"), measurement("none", outcome=Outcome.COMPILE_ERROR)]
    rows.append(measurement("long"))
    candidates = [program("cut", finish_reason="length"), candidate("none", " ")]
    candidates.append(candidate("long", code))
    plain, _ = rewarded(candidates, rows)
    assert {key: row.reward for key, row in plain.items()} == {"cut": 0, "none": 0, "long": 1}
    less, _ = rewarded(candidates, rows, format_penalty=0.25, length_penalty=0.2)
    assert less["none"].reward == pytest.approx(-0.25 - 0.0002)
    assert less["cut"].reward < -0.25
    assert less["long"].reward == pytest.approx(1 - 0.2 * len(code) / 1000)


def test_beyond_is_that_of_the_suites_among_known_programs():
    known = [dataclasses.replace(program(k, n), origin="dataset") for n, k in enumerate("xy")]
    rows = [*whole("x", 0.5), *whole("y", 2.0), *whole("a", 1.0), *whole("b", 4.0)]
    rows += [measurement("w", outcome=Outcome.WRONG_ANSWER), *whole("c", 0.2)]
    candidates = [*known, *(program(k, n) for n, k in enumerate("abwc", 2))]
    rewards, _ = rewarded(candidates, rows, speed="beyond")
    for key, ratio in (("a", 1.0), ("b", 4.0), ("c", 0.2)):
        assert rewards[key].speed == pytest.approx(beyond(ratio, [0.5, 2.0]), abs=0.01)
    assert rewards["w"].speed == 0
    without, _ = rewarded(
        [c for c in candidates if c.origin == "sampled"],
        [row for row in rows if row.candidate_id not in "xy"],
        speed="beyond",
    )
    assert {row.speed for row in without.values()} == {0.0}


def test_known_programs_equally_fast_are_a_range_of_zero():
    known = [dataclasses.replace(program(k, n), origin="dataset") for n, k in enumerate("xy")]
    rows = [*whole("x", 1.0), *whole("y", 1.02), *whole("a", 0.5), *whole("b", 4.0)]
    rewards, _ = rewarded([*known, program("a", 2), program("b", 3)], rows, speed="beyond")
    assert (rewards["a"].speed, rewards["b"].speed) == (1.0, 0.0)


def test_a_cross_check_that_says_the_reverse_makes_a_tie():
    rows = [*whole("a", 1.0), *whole("b", 2.0)]
    candidates = [candidate("a", FAST[0]), candidate("b", SLOW[0])]
    apart, _ = rewarded(candidates, rows)
    assert apart["a"].reward > apart["b"].reward
    for key, ratio in (("a", 2.0), ("b", 1.0)):
        rows.append(timed(key, ratio, "crosscheck", noise=MANY[:3]))
    tied, _ = rewarded(candidates, rows)
    assert tied["a"].reward == tied["b"].reward


def test_untrusted_times_are_said():
    rows = [measurement("a", unverified="no core of its own"), measurement("b")]
    rewards, found = rewarded([program("a", 1), program("b", 2)], rows)
    assert found.unverified == "no core of its own"
    assert {row.reward for row in rewards.values()} == {1.0}


def test_advantages_by_hand():
    rewards = (1.0, 0.0, 2.0)
    assert advantages(rewards, PolicyGradientConfig()) == pytest.approx((0, -1, 1))
    loo = advantages(rewards, PolicyGradientConfig(baseline="leave_one_out"))
    assert loo == pytest.approx((1 - 2 / 2, 0 - 3 / 2, 2 - 1 / 2))
    deviation = math.sqrt(2 / 3)
    divided = advantages(rewards, PolicyGradientConfig(divide_by_std=True))
    assert divided == pytest.approx((0, -1 / deviation, 1 / deviation))
    assert advantages((0.1, 0.1, 0.1), PolicyGradientConfig(divide_by_std=True)) == (0, 0, 0)
    with pytest.raises(ValueError, match="two answers"):
        advantages((1.0,), PolicyGradientConfig())


class Core:
    """Times of identical programs on a core with tenants: its speed moves from run to run and stays
    for a while (10 %), single runs are slowed (5 % of them, up to twofold), and the first run after
    a pause is slower by 3 %."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.log_speed = 0.0

    def run(self, is_first: bool = False) -> int:
        self.log_speed = 0.9 * self.log_speed + self.random.gauss(0, 0.1 * math.sqrt(1 - 0.81))
        spike = self.random.uniform(1, 2) if self.random.random() < 0.05 else 1.0
        noise = math.exp(self.log_speed + self.random.gauss(0, 0.01))
        return round(1e8 * noise * spike * (1.03 if is_first else 1.0))

    def rounds(self, num_programs: int, num_rounds: int) -> list[list[int]]:
        """Times by program, in rounds of random order."""
        times = [[0] * num_rounds for _ in range(num_programs)]
        for place in range(num_rounds):
            order = list(range(num_programs))
            self.random.shuffle(order)
            for index in order:
                times[index][place] = self.run()
        return times


NUM_GROUPS, SIZE, NUM_ROUNDS = 1000, 4, 8
PROGRAMS = [program(str(place), place) for place in range(SIZE)]


def measured_advantages(
    core: Core, slowdowns: tuple[float, ...], num_rounds: int = NUM_ROUNDS
) -> tuple[float, ...]:
    """Of programs that are copies of the baseline but for their slowdown."""
    *times, baseline = core.rounds(SIZE + 1, num_rounds)
    rows = []
    for key, own, slowdown in zip(PROGRAMS, times, slowdowns, strict=True):
        rows.append(measurement(key.candidate_id))
        rows.append(
            measurement(
                key.candidate_id,
                "confirm",
                times=[round(slowdown * time_ns) for time_ns in own],
                baseline_times_ns=tuple(baseline),
            )
        )
    rewards, _ = rewarded(PROGRAMS, rows)
    return advantages([row.reward for row in rewards.values()], PolicyGradientConfig())


@pytest.mark.slow
def test_identical_programs_give_no_speed_gradient_where_one_run_each_drifts():
    """Score-function gradient of a policy that chooses between two spellings of one program.

    A group's gradient is the mean of A_i (x_i - p), x the spelling, p = 1/2. Of one run each, in
    order, with the group's standard deviation: single gradients of about 0.5 / sqrt(4), however
    small the noise, so that their sum over 1,000 groups is some 0.25 sqrt(1,000) away from 0, and
    the answer that is always run first is pushed down. By levels: 0 in every group but for false
    alarms.
    """

    def walk(gradients: list[float]) -> float:
        """Standard deviation of the sum."""
        return math.sqrt(sum(gradient**2 for gradient in gradients))

    core, spelling = Core(7), random.Random(8)
    plain_config = PolicyGradientConfig(divide_by_std=True)
    ours, plain, first = [], [], []
    for _ in range(NUM_GROUPS):
        scores = [float(spelling.random() < 0.5) - 0.5 for _ in range(SIZE)]
        once = [core.run(is_first=place == 0) for place in range(SIZE)]
        pushed = advantages([-math.log(time_ns) for time_ns in once], plain_config)
        plain.append(statistics.fmean(map(float.__mul__, pushed, scores)))
        first.append(pushed[0])
        gains = measured_advantages(core, (1.0,) * SIZE)
        ours.append(statistics.fmean(map(float.__mul__, gains, scores)))
    assert sum(gain != 0 for gain in ours) < NUM_GROUPS / 100
    assert abs(sum(ours)) < 0.1
    assert statistics.pstdev(plain) == pytest.approx(0.5 / math.sqrt(SIZE), rel=0.15)
    assert walk(plain) > 7 > 0.1 > walk(ours)
    assert statistics.fmean(first) < -0.1, "a drift against what is run first"


def test_benchmark_tells_gradients_of_noise_from_none():
    """Of the groups' rewards, and of the first runs, whose second is always the slowest."""
    equal = Group(rewards=(1.0,) * 4, first_ns=(100, 200, 100, 100))
    figures = figures_of([equal] * 64)
    assert {value for name, value in figures.items() if name.startswith("levels")} == {0.0}
    assert (figures["groups"], figures["one_run_nonzero_share"]) == (64, 1)
    # By hand: logs (0, -l, 0, 0), mean -l/4, deviation l sqrt(3)/4; advantages 1/sqrt(3), -sqrt(3).
    assert figures["one_run_first"] == figures["one_run_last"] == pytest.approx(3**-0.5)
    steps = [abs((a + b + c) * 3**-0.5 - d * 3**0.5) / 8
             for a, b, c, d in itertools.product((-1, 1), repeat=4)]  # fmt: skip
    assert min(steps) * 8 < figures["one_run_walk"] < max(steps) * 8
    # One that was told apart: gains -.3, .1, .1, .1.
    told = figures_of([Group(rewards=(0.6, 1.0, 1.0, 1.0), first_ns=(1, 1, 1, 1)), equal])
    assert (told["levels_nonzero_share"], told["one_run_nonzero_share"]) == (0.5, 0.5)
    assert (told["levels_first"], told["levels_last"]) == pytest.approx((-0.15, 0.05))


def test_a_program_that_is_slower_is_told_apart_on_the_same_core():
    """1.5 times the time of its three equals, of which none is preferred."""
    core, found = Core(9), 0
    for _ in range(100):
        gains = measured_advantages(core, (1.0, 1.0, 1.5, 1.0), num_rounds=20)
        found += gains[2] < 0 < min(gains[0], gains[1], gains[3])
    assert found > 80
