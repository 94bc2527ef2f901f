"""Records: what they refuse, and that rows, JSON and Parquet give the same record back."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pyarrow as pa
import pytest
from sample_records import FUNCTION_PROBLEM, SAMPLED, STDIO_PROBLEM, measurement

from skeldpo.records import (
    Assignment,
    Candidate,
    Dropped,
    Measurement,
    Outcome,
    Output,
    PairSide,
    PreferencePair,
    Problem,
    ReferenceLogps,
    Skeleton,
    StageManifest,
    content_id,
)
from skeldpo.storage.rows import arrow_schema, from_row, to_row

SKELETON = Skeleton(
    text="def _(_):\n    return _\n",
    method="lexical",
    version=1,
    kept_spans=((0, 4), (9, 12)),
    note="",
)
SIDE = PairSide(
    origin="sampled",
    candidate_id="c0",
    code="x = 'a\u00e9\U0001f600'\n",
    completion_token_ids=(1, 2),
    skeleton=SKELETON,
    time_ratio=0.5,
)
PAIR = PreferencePair(
    pair_id="p0",
    problem_id="double",
    language="python",
    round_index=1,
    stage="efficiency",
    statement="Return twice x.",
    starter_code="def double(x):",
    chosen=SIDE,
    rejected=replace(SIDE, candidate_id="c1", time_ratio=1.5),
    speedup=3.0,
    speedup_low=2.5,
    p_value=0.001,
)
MANIFEST = StageManifest(
    stage="pair",
    round_index=1,
    config_digest="d",
    num_in=3,
    num_out=1,
    dropped=(Dropped(reason="no difference", num_rows=2),),
    outputs=(Output(path="pairs.parquet", digest="0" * 64),),
    versions=("skeldpo==0.1.0",),
    seconds=1.5,
    finished_at="2025-01-01T00:00:00+00:00",
)
ASSIGNMENT = Assignment(
    problem=FUNCTION_PROBLEM,
    purpose="train",
    round_index=1,
    num_samples=8,
    temperature=0.8,
    seed=5,
    candidates=(SAMPLED,),
)
LOGPS = ReferenceLogps(
    example_id="p0",
    model_id="m0",
    tokens_id="t0",
    logps=(-1.5, -2.25, 0.0, 0.0),
)
ALL = [
    FUNCTION_PROBLEM,
    STDIO_PROBLEM,
    SAMPLED,
    ASSIGNMENT,
    measurement("c0", "confirm", times_ns=(5, 6)),
    measurement("c0", outcome=Outcome.TIME_LIMIT),
    PAIR,
    MANIFEST,
    LOGPS,
]


@pytest.mark.parametrize("record", ALL, ids=lambda record: type(record).__name__)
def test_record_row_json_and_arrow_give_it_back(record: object) -> None:
    kind = type(record)
    assert from_row(kind, to_row(record)) == record
    assert from_row(kind, json.loads(json.dumps(to_row(record)))) == record
    schema = arrow_schema(kind)
    table = pa.Table.from_pylist([to_row(record)], schema=schema)
    assert from_row(kind, table.to_pylist()[0]) == record
    assert schema.names == list(to_row(record))
    assert not any(field.nullable for field in schema)


def test_from_row_gives_enum_and_tuples_back() -> None:
    row = json.loads(json.dumps(to_row(measurement("c0", outcome=Outcome.VIOLATION))))
    again = from_row(Measurement, row)
    assert again.outcome is Outcome.VIOLATION
    assert again.cpu_times_ns == ()
    assert from_row(Skeleton, to_row(SKELETON)).kept_spans == ((0, 4), (9, 12))


def test_pair_of_a_table_without_weights_weighs_one() -> None:
    row = to_row(replace(PAIR, weight=0.5))
    assert from_row(PreferencePair, row).weight == 0.5
    del row["weight"]
    assert from_row(PreferencePair, row) == PAIR
    with pytest.raises(ValueError, match="weight must be above 0"):
        replace(PAIR, weight=0.0)


def test_from_row_names_missing_and_unknown_columns() -> None:
    row = {**to_row(SAMPLED), "sead": 1}
    del row["seed"]
    with pytest.raises(ValueError, match=r"Candidate: .*missing \['seed'\], unknown \['sead'\]"):
        from_row(Candidate, row)


def test_from_row_unknown_outcome_is_value_error() -> None:
    row = {**to_row(measurement("c0")), "outcome": "FINE"}
    with pytest.raises(ValueError, match="FINE"):
        from_row(Measurement, row)


def test_arrow_schema_types_are_those_of_the_fields() -> None:
    schema = arrow_schema(PreferencePair)
    assert schema.field("pair_id").type == pa.large_string()
    assert schema.field("round_index").type == pa.int64()
    assert schema.field("speedup").type == pa.float64()
    side = schema.field("chosen").type
    assert side.field("completion_token_ids").type == pa.list_(pa.int64())
    spans = side.field("skeleton").type.field("kept_spans").type
    assert spans == pa.list_(pa.list_(pa.int64()))
    assert arrow_schema(Measurement).field("outcome").type == pa.large_string()


def test_records_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        SAMPLED.code = ""  # type: ignore[misc]


def test_content_id_separates_parts_and_is_stable() -> None:
    assert content_id("ab", "c") != content_id("a", "bc")
    assert content_id("a", 1) == content_id("a", "1")
    assert content_id("\ud800") != content_id("\ud801")
    # Golden: ids are kept on disk, so they must never change.
    assert content_id("problem", 1) == "8b916f7800489cdf"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problem_id": ""}, "problem_id is empty"),
        ({"language": ""}, "problem double: language is empty"),
        ({"statement": " \n"}, "problem double: statement is empty"),
        ({"kind": "python"}, "kind 'python'"),
        ({"entry_point": ""}, "names its entry_point"),
        ({"kind": "stdio"}, "a stdio problem has none"),
        ({"tests": (), "generators": ()}, "needs tests, or a generator with a reference"),
        ({"tests": (), "reference": ""}, "needs tests, or a generator with a reference"),
    ],
)
def test_problem_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FUNCTION_PROBLEM, **changes)


def test_problem_generator_and_reference_need_no_tests() -> None:
    assert replace(FUNCTION_PROBLEM, tests=()).tests == ()


def test_assignment_refuses_a_candidate_in_another_language() -> None:
    other = replace(SAMPLED, language="cobol")
    with pytest.raises(ValueError, match="candidate c0 is in 'cobol', its problem double in 'pyth"):
        replace(ASSIGNMENT, candidates=(SAMPLED, other))


@pytest.mark.parametrize("record", [FUNCTION_PROBLEM, SAMPLED, PAIR])
def test_a_row_without_a_language_is_refused(record: Any) -> None:
    row = to_row(record)
    del row["language"]
    with pytest.raises(ValueError, match=r"missing \['language'\]"):
        from_row(type(record), row)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outcome": Outcome.WRONG_ANSWER}, "times exist only for ACCEPTED.*WRONG_ANSWER"),
        ({"baseline_times_ns": (1,)}, "2 times but 1 baselines"),
        ({"cpu_times_ns": (0, 5)}, "must be positive"),
        ({"baseline_times_ns": (1, -1)}, "must be positive"),
    ],
)
def test_measurement_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"measurement of c0: .*{message}"):
        replace(measurement("c0", "confirm", times_ns=(5, 6)), **changes)


@pytest.mark.parametrize(
    "changes",
    [{"speedup_low": 1.0}, {"speedup_low": 3.5}, {"speedup": 0.5}, {"speedup": float("nan")}],
)
def test_pair_efficiency_needs_a_certain_speedup(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="pair p0 of problem double: speedup"):
        replace(PAIR, **changes)


def test_pair_unknown_stage_is_refused_and_correctness_needs_no_speedup() -> None:
    with pytest.raises(ValueError, match="stage 'speed'"):
        replace(PAIR, stage="speed")  # type: ignore[arg-type]
    pair = replace(PAIR, stage="correctness", speedup=0.0, speedup_low=0.0, p_value=0.0)
    assert pair.speedup == 0


def test_manifest_accounts_for_every_row() -> None:
    with pytest.raises(ValueError, match="manifest pair: 4 rows in, 1 out, 2 dropped"):
        replace(MANIFEST, num_in=4)


def test_problem_is_hashable_by_value() -> None:
    assert {FUNCTION_PROBLEM, from_row(Problem, to_row(FUNCTION_PROBLEM))} == {FUNCTION_PROBLEM}


@pytest.mark.parametrize(
    ("logps", "message"),
    [
        ((-0.5,), "3 tokens but 1 log-probabilities"),
        ((-0.5, 0.25, -1.0), "finite and 0 or less"),
        ((-0.5, -math.inf, -1.0), "finite and 0 or less"),
        ((-0.5, math.nan, -1.0), "finite and 0 or less"),
    ],
)
def test_log_probabilities_of_a_completion_are_one_a_token_and_possible(logps, message):
    with pytest.raises(ValueError, match=message):
        replace(SAMPLED, completion_logps=logps)


def test_log_probabilities_are_held_in_32_bits_and_tables_of_before_them_are_read():
    assert arrow_schema(Candidate).field("completion_logps").type == pa.list_(pa.float32())
    row = to_row(SAMPLED)
    del row["completion_logps"]
    assert from_row(Candidate, row) == replace(SAMPLED, completion_logps=())
