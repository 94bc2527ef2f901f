"""Configuration: every mistake is a ValueError that says which key, and what to do."""

from __future__ import annotations

import copy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from skeldpo.config import Config, MeasureConfig, PairConfig, Section
from skeldpo.config.toml_file import load_config, load_sections, parse_config

MINIMAL: dict[str, Any] = {
    "run": {"name": "a", "num_rounds": 1},
    "policy": {"model": "starter"},
    "problems": {"num_train": 4},
    "pair": {"min_speedup": 1.2},
    "train": {"beta": 0.1, "skeleton_weight": 0.5, "learning_rate": 1e-3},
}
REWARDS = {"learner": "rewards", "learning_rate": 1e-3}
TOML = """
[run]
name = "a"
num_rounds = 1
[policy]
model = "starter"
[problems]
num_train = 4
[pair]
min_speedup = 1.2
[train]
beta = 0.1
skeleton_weight = 0.5
learning_rate = 1e-3
"""


def _changed(section: str, **values: object) -> dict[str, Any]:
    changed = copy.deepcopy(MINIMAL)
    changed.setdefault(section, {}).update(values)
    return changed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(TOML)
    return path


def test_load_config_reads_file_and_defaults(file: Path) -> None:
    config = load_config(file)
    assert config == parse_config(MINIMAL, "test")
    assert config.train.beta == 0.1
    assert config.problems.sources == ("families",)
    with pytest.raises(ValidationError):
        config.train.beta = 0.2


def test_shipped_configurations_load() -> None:
    shipped = sorted((Path(__file__).parents[1] / "jobs" / "configs").glob("*.toml"))
    assert shipped
    for path in shipped:
        assert isinstance(load_config(path), Config)


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("train", {"bta": 1}, r"unknown key train\.bta; did you mean train\.beta\?"),
        ("trian", {}, r"unknown key trian; did you mean train\?"),
        ("train", {"lora": {"rnk": 1, "rank": 1, "alpha": 1}}, r"did you mean train\.lora\.rank"),
        ("zzz", {}, r"unknown key zzz; known keys: run\.name, .*tracking\.project"),
        ("train", {"beta": 0}, r"train\.beta: .*greater than 0, got 0"),
        ("train", {"beta": float("nan")}, r"train\.beta: .*finite"),
        ("train", {"reduction": "avg"}, r"train\.reduction: .*'sum' or 'mean', got 'avg'"),
        ("train", {"lora": {"rank": 8}}, r"train\.lora\.alpha is missing and has no default"),
        ("run", {"name": "a/b"}, r"run\.name: .*got 'a/b'"),
        ("run", {"seed": 1 << 64}, r"run\.seed: .*less than 9223372036854775808, got 1844"),
        ("run", {"num_rounds": "two"}, r"run\.num_rounds: .*got 'two'"),
        ("measure", {"confirm_repeats": [4, 8]}, r"measure\.confirm_repeats.*: .*5, got 4"),
        ("measure", {"confirm_repeats": [12, 8]}, r"measure\.confirm_repeats must be .* rising"),
        ("generate", {"max_tokens": 2048}, r"max_tokens \(2048 together\) must be below policy"),
        (
            "generate",
            {"temperature": 0},
            r"generate\.temperature = 0 is greedy: all 8 samples of .*",
        ),
        (
            "evaluate",
            {"temperature": 0.0},
            r"set evaluate\.num_samples = 1, or a temperature above",
        ),
        ("generate", {"temperature": 2.5}, r"generate\.temperature: .*less than or equal to 2"),
        ("evaluate", {"temperature": 2.5}, r"evaluate\.temperature: .*less than or equal to 2"),
        ("generate", {"stop": [""]}, r"generate\.stop.*: .*at least 1 character, got ''"),
        ("generate", {"dtype": "half"}, r"generate\.dtype: .*'auto', 'float32', .*got 'half'"),
        ("policy", {"prompt_date": "today"}, r"policy\.prompt_date: .*date.*got 'today'"),
        ("run", {"num_rounds": True}, r"run\.num_rounds: .*valid integer.*, got 'true'"),
        ("measure", {"cpu_limit_s": True}, r"measure\.cpu_limit_s: .*valid number.*, got 'true'"),
        ("run", {"name": 7}, r'run\.name: .*string in quotes, such as "7b", got 7'),
        ("problems", {"sources": "a.jsonl"}, r'problems\.sources: .*list such as \["a", "b"\]'),
        ("measure", {"confirm_repeats": [5]}, r"no program could ever be shown to be faster"),
        ("measure", {"max_p_value": 1e-7}, r"max_p_value \(1e-07\) .* 20 rounds .*9\.5e-07"),
        ("pair", {"max_p_value": 0.001}, r"pair\.max_p_value \(0\.001\) .*measure.* \(0\.005\)"),
        ("skeleton", {"max_group": 1}, r"max_group \(1\) is below skeleton\.min_group \(2\)"),
        ("starter", {"hidden_size": 20}, r"starter\.hidden_size \(20\) must be a multiple"),
    ],
)
def test_parse_config_error_names_the_key(
    section: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        parse_config(_changed(section, **values), "run.toml")
    assert str(error.value).startswith("run.toml: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train": {"correctness_epochs": 0, "efficiency_epochs": 0}}, "no pair would be trained"),
        ({"pair": {"max_efficiency_pairs": 0}, "train": {"correctness_epochs": 0}}, "no pair"),
        ({"generate": {"num_samples": 1, "programs": "policy"}}, r"num_samples = 1: .*2 or more"),
        ({"train": REWARDS, "generate": {"programs": "data"}}, "lets it write nothing"),
        ({"train": REWARDS, "generate": {"num_samples": 1}}, r"num_samples = 1: .*2 or more"),
    ],
)
def test_settings_that_leave_nothing_to_train_on_are_refused(
    values: dict[str, dict[str, Any]], message: str
) -> None:
    changed = copy.deepcopy(MINIMAL)
    for section, given in values.items():
        changed[section] = {**({} if given is REWARDS else changed.get(section, {})), **given}
    with pytest.raises(ValueError, match=message):
        parse_config(changed, "run.toml")


def test_key_without_its_section_is_shown_where_it_belongs(file: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown key beta; did you mean train\.beta\?"):
        load_config(file, ["beta=1"])
    with pytest.raises(ValueError, match=r"one of generate\.max_tokens, evaluate\.max_tokens\?"):
        load_config(file, ["max_tokens=1"])
    for empty in ("train.=1", ".beta=1", "train..beta=1", "=1"):
        with pytest.raises(ValueError, match=r"expected section\.key=value"):
            load_config(file, [empty])


def test_prompt_that_begins_the_answer_leaves_no_room_for_thoughts() -> None:
    values = _changed("policy", prefill="on")
    assert parse_config(values, "run.toml").policy.prefill == "on"
    values["generate"] = {**values.get("generate", {}), "max_reasoning_tokens": 64}
    with pytest.raises(ValueError, match=r'policy\.prefill = "on".*max_reasoning_tokens \(64\)'):
        parse_config(values, "run.toml")
    values["policy"]["prefill"] = "auto"
    assert parse_config(values, "run.toml").generate.max_reasoning_tokens == 64


def test_parse_config_missing_values_are_all_named() -> None:
    values = copy.deepcopy(MINIMAL)
    del values["train"]["beta"], values["pair"]
    with pytest.raises(ValueError) as error:
        parse_config(values, "run.toml")
    assert "train.beta is missing and has no default" in str(error.value)
    assert "pair is missing and has no default" in str(error.value)


def test_load_config_missing_file_and_bad_toml_are_value_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no configuration file at .*none.toml"):
        load_config(tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("[run\nname=1")
    with pytest.raises(ValueError, match="bad.toml is not valid TOML: .*line 1"):
        load_config(bad)
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="bad.toml is not valid TOML"):
        load_config(bad)


def test_offloading_4_bit_weights_is_refused(file: Path) -> None:
    lora = ["train.lora.rank=8", "train.lora.alpha=16", "train.lora.load_in_4bit=true"]
    assert load_config(file, lora).train.lora.load_in_4bit
    with pytest.raises(ValueError, match="train.cpu_offload cannot move the 4-bit weights"):
        load_config(file, [*lora, "train.cpu_offload=true"])


def test_greedy_sampling_of_one_sample_is_allowed(file: Path) -> None:
    one = ["evaluate.temperature=0", "evaluate.num_samples=1"]
    assert load_config(file, one).evaluate.temperature == 0
    one = ["generate.temperature=0", "generate.num_samples=1"]
    assert load_config(file, one).generate.num_samples == 1


def test_date_of_the_prompts_is_a_toml_date_and_decides_the_digest(file: Path) -> None:
    config = load_config(file, ["policy.prompt_date=2025-02-03"])
    assert config.policy.prompt_date == date(2025, 2, 3)
    assert parse_config(config.model_dump(mode="json"), "test") == config
    assert config.digest() != load_config(file).digest()


def test_overrides_are_typed_by_toml_and_win(file: Path) -> None:
    config = load_config(
        file,
        [
            "train.beta=0.25",
            "run.name=other.name-2",
            'problems.families=["pairs", "graphs"]',
            "generate.enforce_eager=true",
            "train.lora.rank=8",
            "train.lora.alpha=16",
            "train.beta = 0.5",
            'evaluate.suites."package.module"=data.jsonl',
        ],
    )
    assert config.evaluate.suites == {"package.module": "data.jsonl"}
    assert config.train.beta == 0.5
    assert config.run.name == "other.name-2"
    assert config.problems.families == ("pairs", "graphs")
    assert config.generate.enforce_eager is True
    assert config.train.lora is not None and config.train.lora.rank == 8


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.beta", r"override 'train\.beta': expected section\.key=value"),
        ("=3", "expected section.key=value"),
        ("train.beta.x=3", "beta is a value, not a section"),
        ("train.betta=3", r"unknown key train\.betta; did you mean train\.beta"),
        ("train.beta=abc", r"train\.beta: .*got 'abc'"),
    ],
)
def test_overrides_that_do_not_fit_are_value_errors(
    file: Path, override: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_config(file, [override])


def test_digest_ignores_name_place_rounds_and_tracking_only() -> None:
    digest = parse_config(MINIMAL, "test").digest()
    same: dict[str, dict[str, Any]] = {
        "run": {"name": "b", "storage": "elsewhere", "num_rounds": 3},
        "tracking": {"project": "other"},
    }
    for section, values in same.items():
        assert parse_config(_changed(section, **values), "test").digest() == digest
    others: dict[str, dict[str, Any]] = {
        "run": {"seed": 1},
        "train": {"beta": 0.2},
        "measure": {"cpu_limit_s": 3.0},
        "policy": {"model": "elsewhere"},
        "evaluate": {"num_samples": 5},
    }
    for section, values in others.items():
        assert parse_config(_changed(section, **values), "test").digest() != digest


def test_digest_is_the_same_after_a_round_trip() -> None:
    config = parse_config(_changed("train", lora={"rank": 4, "alpha": 8}), "test")
    again = parse_config(config.model_dump(mode="json"), "test")
    assert again == config
    assert again.digest() == config.digest()


class TwoSections(Section):
    measure: MeasureConfig = MeasureConfig()
    pair: PairConfig = PairConfig(min_speedup=1.5)


def test_load_sections_overrides_and_names_what_is_wrong() -> None:
    defaults = TwoSections()
    sections = load_sections(defaults, ["measure.cpu_limit_s=5"])
    assert sections.measure == MeasureConfig(cpu_limit_s=5)
    assert sections.pair == PairConfig(min_speedup=1.5)
    assert sections.measure.model_fields_set == {"cpu_limit_s"}, "a suite's own limits hold"
    for override, message in {
        "measure.cpu_limt_s=5": r"unknown key measure\.cpu_limt_s; did you mean measure\.cpu_lim",
        "pair.num_samples=2": r"pair\.num_samples; did you mean pair\.min",  # no generate there
        "pair.min_speedup=1": r"pair\.min_speedup: .*greater than 1, got 1",
        "train.beta=1": r"section \['train'\]; this command has \['measure', 'pair'\]",
        "measure=5": "measure: .*got 5",
    }.items():
        with pytest.raises(ValueError, match=message):
            load_sections(defaults, [override])
