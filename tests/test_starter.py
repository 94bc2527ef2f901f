"""The starter policy: its tokenizer survives a reload, and it learns what it is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from skeldpo.commands import init_policy as command
from skeldpo.config import PolicyConfig, StarterConfig
from skeldpo.config.toml_file import load_config
from skeldpo.problems.family import Family, Variation, family_problems
from skeldpo.problems.sources import load_problems
from skeldpo.prompts import Prompts
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.starter import FAMILIES, StarterResult, train_starter
from skeldpo.starter.muon import Muon
from skeldpo.starter.pretrain import _attend_to_previous, _model_config
from skeldpo.starter.tokenizer import EOS, check_reload, train_tokenizer

pytestmark = pytest.mark.slow

POLICY = PolicyConfig(model="starter", max_model_tokens=256)
TINY = StarterConfig(
    hidden_size=64, num_layers=2, num_heads=2, vocab_size=400, num_epochs=40, batch_tokens=256
)


def _family(name: str, verb: str, fast: str, slow: str) -> Family:
    wordings = (
        f"Return {verb} of the integers in `$values`.",
        f"Given a list `$values` of integers, return {verb} of its elements.",
        f"What is {verb} of all values in `$values`? Return it.",
    )
    programs = (KnownProgram(code=fast, speed="fast"), KnownProgram(code=slow, speed="slow"))
    tests = (Example(input_text="[[3]]", expected_text="3"),)
    variation = Variation(name=name, wordings=wordings, programs=programs, tests=tests)
    return Family(
        name=name,
        topic="test",
        difficulty="easy",
        entry_points=(f"{name}_values", f"find_{name}"),
        parameters=(("values", "nums"),),
        variations=(variation,),
        generator="def generate_input(size, seed):\n    return [list(range(size))]\n",
        checker="exact",
        held_out=False,
    )


def _problems() -> list[Problem]:
    total = _family(
        "total",
        "the sum",
        "def total_values(values):\n    return sum(values)\n",
        "def total_values(values):\n    total = 0\n    for x in values:\n        total += x\n"
        "    return total\n",
    )
    top = _family(
        "top",
        "the maximum",
        "def top_values(values):\n    return max(values)\n",
        "def top_values(values):\n    return sorted(values)[-1]\n",
    )
    return [problem for family in (total, top) for problem in family_problems(family)]


def _train(folder: Path, config: StarterConfig) -> StarterResult:
    return train_starter(
        problems=_problems(),
        config=config,
        policy=POLICY,
        output_folder=str(folder),
        seed=3,
        on_progress=lambda line: None,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> StarterResult:
    return _train(tmp_path_factory.mktemp("starter"), TINY)


def _training_texts() -> list[str]:
    return [text for p in _problems() for text in (p.statement, *(s.code for s in p.solutions))]


def test_train_tokenizer_reloaded_gives_same_ids(tmp_path: Path, trained: StarterResult) -> None:
    tokenizer = train_tokenizer(_training_texts(), 400)
    reloaded = AutoTokenizer.from_pretrained(trained.folder)
    assert type(reloaded).__name__ == "Qwen2Tokenizer"
    assert reloaded.eos_token == EOS and reloaded.bos_token is None
    assert reloaded.pad_token_id != reloaded.eos_token_id
    text = "def total_values(nums):\n    return sum(nums) + 17 # \u00e9\u4e2d\n"
    assert reloaded.decode(reloaded.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_train_tokenizer_keeps_names_whole_after_any_punctuation() -> None:
    tokenizer = train_tokenizer(_training_texts(), 400)
    (name,) = tokenizer.encode("nums")
    for text in ("(nums", "`nums", "[nums"):
        assert tokenizer.encode(text)[-1] == name and len(tokenizer.encode(text)) == 2


def test_check_reload_other_tokenizer_is_runtime_error(trained: StarterResult) -> None:
    other = train_tokenizer(["zebra zebra crossing"] * 9, 300)
    with pytest.raises(RuntimeError, match="other ids"):
        check_reload(other, trained.folder, ["zebra crossing"])


def test_train_starter_without_train_problems_is_value_error(tmp_path: Path) -> None:
    held_out = [problem for problem in _problems() if problem.split != "train"]
    assert held_out
    with pytest.raises(ValueError, match="split 'train'"):
        train_starter(
            problems=held_out,
            config=TINY,
            policy=POLICY,
            output_folder=str(tmp_path),
            seed=0,
            on_progress=lambda line: None,
        )


def test_train_starter_too_long_text_is_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_model_tokens"):
        train_starter(
            problems=_problems(),
            config=TINY,
            policy=PolicyConfig(model="starter", max_model_tokens=64, code_instruction="go " * 64),
            output_folder=str(tmp_path),
            seed=0,
            on_progress=lambda line: None,
        )


def test_train_starter_greedy_writes_a_training_program(trained: StarterResult) -> None:
    assert trained.last_loss < 0.2 < 4.0 < trained.first_loss
    model = AutoModelForCausalLM.from_pretrained(trained.folder)
    tokenizer = AutoTokenizer.from_pretrained(trained.folder)
    prompts = Prompts(tokenizer, POLICY)
    train = [problem for problem in _problems() if problem.split == "train"]
    correct = 0
    for problem in train:
        ids = prompts.code_prompt_ids(problem.statement, problem.starter_code)
        written = model.generate(torch.tensor([ids]), max_new_tokens=80, do_sample=False)[0]
        assert int(written[-1]) == tokenizer.eos_token_id
        code = prompts.decode(written[len(ids) :].tolist())
        correct += code in {program.code for program in problem.solutions}
    assert correct >= 0.8 * len(train)


def test_train_starter_folder_has_eos_and_no_bos(trained: StarterResult) -> None:
    for name in ("config.json", "generation_config.json"):
        saved = json.loads((Path(trained.folder) / name).read_text())
        assert isinstance(saved["eos_token_id"], int)
        assert saved.get("bos_token_id") is None
    assert (Path(trained.folder) / "model.safetensors").is_file()


def test_train_starter_same_seed_gives_same_weights(tmp_path: Path) -> None:
    short = TINY.model_copy(update={"num_epochs": 1.0})
    weights = []
    for name in ("first", "second"):
        _train(tmp_path / name, short)
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_attend_to_previous_head_looks_one_token_back() -> None:
    from transformers import Qwen2ForCausalLM

    tokenizer = train_tokenizer(_training_texts(), 400)
    settings = _model_config(StarterConfig(), POLICY, tokenizer)
    settings._attn_implementation = "eager"
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(settings)
    _attend_to_previous(model, num_heads=1)
    ids = torch.randint(0, len(tokenizer), (1, 40))
    attention = model(ids, output_attentions=True).attentions[0][0, 0]  # (T, T)
    assert attention.diagonal(-1).mean() > 0.9


def test_muon_step_moves_along_orthogonal_matrix() -> None:
    matrix = torch.nn.Parameter(torch.zeros(6, 4))
    matrix.grad = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    Muon([matrix], weight_decay=0.0).step(0.1)
    singular = torch.linalg.svdvals(matrix.detach()) / (0.1 * 1.5**0.5)
    assert float(singular.min()) > 0.6 and float(singular.max()) < 1.3
    assert float((matrix.detach() * matrix.grad).sum()) < 0


def test_init_policy_without_a_file_trains_the_families_of_the_quickstart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(command, "train_starter", lambda **values: asked.update(values))
    overrides = ["starter.num_epochs=1", "starter.num_layers=2"]
    command.init_policy(
        output=str(tmp_path), config_path="", overrides=overrides, on_progress=lambda line: None
    )
    assert (asked["config"].num_epochs, asked["config"].num_layers) == (1, 2)
    quickstart = load_config(Path(__file__).parents[1] / "jobs" / "configs" / "quickstart.toml")
    assert quickstart.problems.families == FAMILIES
    assert quickstart.starter == StarterConfig()
    assert quickstart.policy.max_model_tokens == asked["policy"].max_model_tokens
    assert list(asked["problems"]) == load_problems(["families"], FAMILIES)


def test_init_policy_learns_nothing_that_is_kept_out_of_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    told: list[str] = []
    monkeypatch.setattr(command, "train_starter", lambda **values: asked.update(values))
    first = next(p for p in load_problems(["families"], FAMILIES) if p.split == "train")
    (tmp_path / "names.txt").write_text(first.problem_id)
    command.init_policy(
        output=str(tmp_path / "policy"),
        config_path=str(Path(__file__).parents[1] / "jobs" / "configs" / "quickstart.toml"),
        overrides=[f'keep_out.files=["{tmp_path}/names.txt"]'],
        on_progress=told.append,
    )
    assert first not in asked["problems"]
    assert told == ["1 problems kept out of training: 1 by id (names.txt)"]
