"""Small valid records that tests vary with `dataclasses.replace`."""

from __future__ import annotations

from skeldpo.records import (
    Candidate,
    Example,
    Float32,
    KnownProgram,
    Measurement,
    Outcome,
    Phase,
    Problem,
)

DOUBLE = "def double(x):\n    return 2 * x\n"
LOOP = "def double(x):\n    return x + x\n"
GENERATOR = "def generate_input(size, seed):\n    return [size]\n"

FUNCTION_PROBLEM = Problem(
    problem_id="double",
    language="python",
    source="tests",
    split="train",
    difficulty="easy",
    kind="function",
    statement="Return twice x.",
    entry_point="double",
    starter_code="def double(x):",
    tests=(
        Example(input_text="[1]", expected_text="2"),
        Example(input_text="[-3]", expected_text="-6"),
    ),
    generators=(GENERATOR,),
    checker="exact",
    reference=DOUBLE,
    solutions=(KnownProgram(code=DOUBLE, speed="fast"), KnownProgram(code=LOOP, speed="slow")),
)
STDIO_PROBLEM = Problem(
    problem_id="echo",
    language="python",
    source="tests",
    split="train",
    difficulty="easy",
    kind="stdio",
    statement="Print the line that you read.",
    entry_point="",
    starter_code="",
    tests=(Example(input_text="a b\n", expected_text="a b\n"),),
    generators=(),
    checker="exact",
    reference="",
    solutions=(),
)
SAMPLED = Candidate(
    candidate_id="c0",
    problem_id="double",
    language="python",
    code=DOUBLE,
    origin="sampled",
    model_id="m0",
    round_index=1,
    sample_index=0,
    seed=7,
    finish_reason="stop",
    prompt_token_ids=(1, 2),
    completion_token_ids=(3, 4, 5),
    completion_logps=(Float32(-0.5), Float32(-1.25), Float32(0.0)),
)


def measurement(
    candidate_id: str,
    phase: Phase = "check",
    outcome: Outcome = Outcome.ACCEPTED,
    times_ns: tuple[int, ...] = (),
    equal_to: str = "",
) -> Measurement:
    """A row of problem "double"; the baseline took 100 ns in every round."""
    return Measurement(
        candidate_id=candidate_id,
        problem_id="double",
        equal_to=equal_to or candidate_id,
        phase=phase,
        session_id="s0" if times_ns else "",
        outcome=outcome,
        cpu_times_ns=times_ns,
        baseline_times_ns=(100,) * len(times_ns),
        peak_memory_bytes=1 << 20,
        failure="" if outcome is Outcome.ACCEPTED else "it failed",
        input_digest="i0" if times_ns else "",
        host_id="host",
        core=1,
        image_digest="sha256:0",
        python_version="3.11.2",
    )
