"""Which part of the sandbox cores' time programs had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sample_records import FUNCTION_PROBLEM
from scripted_runs import make_report

from skeldpo.accounts.core_use import (
    CORE_USE,
    CoreUse,
    core_shares,
    join_core_use,
    read_core_shares,
)
from skeldpo.languages import python
from skeldpo.measure.core_clock import CoreClock
from skeldpo.measure.grown import WAYS, growth_generators
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.storage.store import Store
from skeldpo.values import encode

GENERATOR, CHECKER = "def generate_input(): ...", "def check(): ..."
PROBLEM = replace(
    FUNCTION_PROBLEM, problem_id="p/1", generators=(GENERATOR,), checker=CHECKER, reference="base"
)


def use(
    actor: str, held_from_s: float, begun_s: float, ended_s: float, **changes: object
) -> CoreUse:
    row = CoreUse(
        problem_id="p", pass_id="one", actor_id=actor, host_id="h", core=int(actor),
        held_from_s=held_from_s, begun_s=begun_s, ended_s=ended_s, program_cpu_s=6.0,
        input_cpu_s=1.0,
    )  # fmt: skip
    return replace(row, **changes)


def test_shares_are_of_the_time_from_taking_the_core_to_the_end_of_the_pass() -> None:
    """Actor 2 is done at 12 of 20 s: the rest is waiting. A later pass counts for itself."""
    rows = [
        use("1", 0.0, 2.0, 10.0),
        use("1", 10.0, 10.0, 20.0),
        use("2", 0.0, 2.0, 12.0),
        use("1", 1000.0, 1000.0, 1010.0, pass_id="two"),
    ]
    shares = core_shares(rows)
    assert shares is not None
    assert (shares.num_cores, shares.held_s) == (2, 50.0)
    assert shares.programs == pytest.approx(24 / 50)
    assert shares.inputs == pytest.approx(4 / 50)
    assert shares.waiting == pytest.approx((2 + 2 + 8) / 50)
    assert shares.own == pytest.approx((38 - 28) / 50)
    assert shares.text() == (
        "programs had 48% of the 50 s of 2 sandbox cores (generators and checkers 8%, between "
        "runs 20%, waiting 24%)"
    )
    assert core_shares([]) is None


def test_an_actors_clock_tells_programs_from_inputs_and_its_rows_are_joined(tmp_path: Path) -> None:
    def run(request: RunRequest) -> RunReport:
        return make_report(total_cpu_time_ns=int(request.cpu_limit_s * 1e9))

    def request(code: str, seconds: float) -> RunRequest:
        return RunRequest(
            language=python.NAME,
            code=code,
            kind="stdio",
            entry_point="",
            input_texts=("",),
            cpu_limit_s=seconds,
        )

    store = Store(str(tmp_path))
    clock = CoreClock(run=run, pass_id="one", host_id="h", core=3, held_from_s=5.0)
    for number in (1, 2):
        clock.begin(replace(PROBLEM, problem_id=f"p/{number}"))
        for code, seconds in ((GENERATOR, 0.5), ("base", 2.0), ("candidate", 3.0), (CHECKER, 0.25)):
            assert clock.run(request(code, seconds)).total_cpu_time_ns == seconds * 1e9
        clock.end(store, f"p/{number}")
    growing = replace(PROBLEM, problem_id="p/3", generators=(), growth=encode({"bases": [[[1]]]}))
    clock.begin(growing)
    for code in growth_generators(growing.growth):
        clock.run(request(code, 0.5))
    clock.end(store, "p/3")
    (third,) = store.read_part(CORE_USE, "p/3", CoreUse)
    assert (third.program_cpu_s, third.input_cpu_s) == (0.0, 0.5 * len(WAYS))
    store.remove_part(CORE_USE, "p/3")
    (first,), (second,) = (store.read_part(CORE_USE, f"p/{n}", CoreUse) for n in (1, 2))
    assert (first.program_cpu_s, first.input_cpu_s, first.held_from_s) == (5.0, 0.75, 5.0)
    assert (second.program_cpu_s, second.held_from_s) == (5.0, first.ended_s)
    assert first.actor_id == second.actor_id
    under_way = read_core_shares(store)
    join_core_use(store, ["p/2", "p/1", "lost"])
    assert [row.problem_id for row in store.iter_records("core_use.parquet", CoreUse)] == [
        "p/2", "p/1",
    ]  # fmt: skip
    store.drop_parts(CORE_USE)
    assert under_way is not None and read_core_shares(store) == under_way
