"""The learner of rewards: rows, tokens, and a loss equal to that of one padded sequence a time."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import model_tokenizers
import pytest
import torch
from pair_rows import FAST, PROBLEM, SLOW, candidate, whole_problem
from tiny_policy import (
    byte_tokenizer,
    preference_pair,
    save_tiny_policy,
    tiny_config,
    tokens_of,
)
from transformers import AutoModelForCausalLM

from skeldpo.accounts.quarantine import read_quarantine
from skeldpo.checkpoints import load_checkpoint
from skeldpo.config import Config, PolicyGradientConfig
from skeldpo.prompts import Prompts
from skeldpo.records import Candidate, Float32, Measurement, ReferenceLogps
from skeldpo.rewards.groups import RewardedGroup, group_or_reason
from skeldpo.rounds.round_rows import RoundMaker, RoundRows
from skeldpo.storage.by_problem import MeasuredProblem
from skeldpo.storage.store import Store, round_folder
from skeldpo.train.batch import build_trees
from skeldpo.train.examples import make_examples, prepare
from skeldpo.train.learners import make_learner
from skeldpo.train.learners.contract import Scored
from skeldpo.train.learners.rewards import (
    AnswerTokens,
    DropReason,
    GroupTokens,
    Rewards,
    token_credits,
)
from skeldpo.train.learners.rewards_loss import GroupTensors, group_losses
from skeldpo.train.loading import load_network
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps
from skeldpo.train.network import token_logps
from skeldpo.train.reference import load_reference, reference_logps, save_reference
from studies.learners import Job, equal_steps, first_round_of, load_study, train_job

STATEMENT = tuple(b"Add one.\n")
CODES = (b"return x + 1\n", b"x += 1\nreturn x\n", b"return 1 + x\n", b"pass\n")


def rewards_config(**policy_gradient: Any) -> Any:
    train = {key: policy_gradient.pop(key) for key in ("learning_rate",) if key in policy_gradient}
    return tiny_config(learner="rewards", policy_gradient=policy_gradient, **train)


def group(number: int, size: int = 3, gap: float = 0.0, **changes: Any) -> GroupTokens:
    """Answers of unequal lengths; `gap` is how far the sampler's log-probabilities are off."""
    answers = []
    for place in range(size):
        ids = (*CODES[place], 10 + number)
        answers.append(
            AnswerTokens(
                token_ids=ids,
                sampler_logps=tuple(-2.0 - gap * (k % 3) for k in range(len(ids))),
                credits=tuple(0.5 + (k % 2) for k in range(len(ids))),
                advantage=(1.0, -0.75, 0.5, -0.25)[place],
                reward=float(place),
                is_right=place > 0,
            )
        )
    made = GroupTokens(
        group_id=f"g{number}",
        prompt=(*STATEMENT, 32 + number),
        answers=tuple(answers),
        max_answer_tokens=20,
    )
    return dataclasses.replace(made, **changes)


GROUPS = [group(0), group(1, 4, gap=0.4), group(2, 2, gap=-0.3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.set_num_threads(1)
    return save_tiny_policy(tmp_path_factory.mktemp("start") / "policy")


def padded_losses(
    model: Any, groups: list[GroupTokens], old: list[list[float]], config: PolicyGradientConfig
) -> list[torch.Tensor]:
    """The formula of rewards_loss, a padded sequence at a time, in plain arithmetic a token."""
    losses = []
    for one, olds in zip(groups, old, strict=True):
        total, first = torch.zeros(()), 0
        for answer in one.answers:
            ids = [*one.prompt, *answer.token_ids]
            padded = torch.tensor([ids + [0] * (64 - len(ids))])
            mask = (torch.arange(64) < len(ids)).long()[None]
            logits = model(padded, attention_mask=mask).logits[0]
            gains = []
            for place, token in enumerate(answer.token_ids):
                logp = logits[len(one.prompt) - 1 + place].log_softmax(0)[token]
                start, sampler = olds[first + place], answer.sampler_logps[place]
                recomputed = config.old_logps == "recomputed"
                weight = 1.0
                if recomputed and config.max_importance_weight:
                    weight = min(math.exp(start - sampler), config.max_importance_weight)
                ratio = (logp - (start if recomputed else sampler)).exp()
                low, high = 1 - config.clip_low, 1 + config.clip_high
                bounded = min(max(float(ratio.detach()), low), high)
                is_free = float(ratio.detach()) * answer.advantage <= bounded * answer.advantage
                gain = (ratio if is_free else torch.tensor(bounded)) * answer.advantage
                kl = (start - logp).exp() - (start - logp) - 1
                gains.append(-weight * answer.credits[place] * gain + config.kl_weight * kl)
            by_answer = config.divide_by == "answer"
            divisor = len(answer.token_ids) if by_answer else one.max_answer_tokens
            total = total + sum(gains) / divisor / len(one.answers)
            first += len(answer.token_ids)
        losses.append(total)
    return losses


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"divide_by": "answer", "kl_weight": 0.3, "clip_low": 0.05, "clip_high": 0.02},
        {"old_logps": "sampler"},
        {"max_importance_weight": 0.0, "clip_high": 0.01},
    ],
    ids=str,
)
def test_losses_and_gradients_are_those_of_padded_sequences(folder, settings):
    """To 1e-5, of a policy that is not at the start any more: some ratios are clipped."""
    config = rewards_config(**settings).train
    learner = Rewards(config)
    network = load_network(folder, config, 160, seed=0)
    rows = reference_logps(network, learner, GROUPS, 4096, "m")
    old = [[logp + 0.02 * (place % 5 - 2) for place, logp in enumerate(row.logps)] for row in rows]
    trees = build_trees([each.tree for each in GROUPS])
    scored = Scored(
        phase="policy_gradient.inner",
        examples=GROUPS,
        trees=trees,
        token_logps=token_logps(network, trees),
        reference=torch.tensor([logp for values in old for logp in values]),
    )
    losses = learner.losses(scored)
    losses.loss.sum().backward()
    model = AutoModelForCausalLM.from_pretrained(folder)
    expected = padded_losses(model, GROUPS, old, config.policy_gradient)
    torch.stack(expected).sum().backward()
    torch.testing.assert_close(losses.loss, torch.stack(expected), atol=1e-5, rtol=1e-5)
    ours = torch.cat([p.grad.flatten() for p in network.parameters()])
    theirs = torch.cat([p.grad.flatten() for p in model.parameters()])
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    metrics = learner.metrics(losses.statistics, "policy_gradient.inner")
    assert metrics["ratio/max_log"] > 0.03
    if "clip_high" in settings or "old_logps" in settings:
        assert metrics["ratio/clipped"] > 0


def tensors(advantages: list[float], old: list[float], sampler: list[float]) -> GroupTensors:
    """One group of one-token answers, divided by 2."""
    return GroupTensors(
        advantages=torch.tensor(advantages),
        credits=torch.ones(len(advantages)),
        divisors=torch.full((len(advantages),), 2.0),
        old_logps=torch.tensor(old),
        sampler_logps=torch.tensor(sampler),
        groups=torch.zeros(len(advantages), dtype=torch.int64),
        figures=torch.zeros(1, 3),
    )


def gradient(logps: list[float], given: GroupTensors, **settings: Any) -> list[float]:
    values = torch.tensor(logps, requires_grad=True)
    group_losses(values, given, PolicyGradientConfig(**settings)).loss.sum().backward()
    assert values.grad is not None
    return values.grad.tolist()


def test_gradient_of_two_tokens_by_hand():
    """As in the docstring of rewards_loss: -A r / G, and 0 where clipping is active."""
    up, old = math.log(1.5), [-1.0, -1.0]
    even = tensors([2.0, -2.0], old, old)
    assert gradient([-1.0, -1.0], even) == pytest.approx([-1.0, 1.0])
    assert gradient([-1.0, -1.0 + math.log(0.9)], even) == pytest.approx([-1.0, 0.9])
    assert gradient([-1.0 + up, -1.0 + up], even) == pytest.approx([0.0, 1.5])
    assert gradient([-1.0 - up, -1.0 - up], even) == pytest.approx([-1 / 1.5, 0.0])
    assert gradient([-1.0 + up] * 2, even, clip_high=0.6) == pytest.approx([-1.5, 1.5])


def test_importance_weights_are_truncated_above():
    """The trainer finds the first token 3 times and the second half as probable as the sampler."""
    given = tensors([1.0, 1.0], [-1.0, -1.0], [-1.0 - math.log(3), -1.0 + math.log(2)])
    assert gradient([-1.0, -1.0], given) == pytest.approx([-2 / 2, -0.5 / 2])
    assert gradient([-1.0, -1.0], given, max_importance_weight=0) == pytest.approx([-0.5, -0.5])
    free = gradient([-1.0, -1.0], given, old_logps="sampler", clip_high=9.0, clip_low=0.9)
    assert free == pytest.approx([-3 / 2, -0.5 / 2])
    found = group_losses(torch.tensor([-1.0, -1.0]), given, PolicyGradientConfig())
    metrics = Rewards(rewards_config().train).metrics(found.statistics, "")
    assert metrics["sampler/truncated"] == 0.5
    assert metrics["sampler/max_gap"] == pytest.approx(math.log(3))
    assert metrics["sampler/gap"] == pytest.approx((math.log(3) + math.log(2)) / 2)


def test_divergence_is_0_at_the_start_and_pulls_back():
    """d KL / d l = 1 - exp(l_old - l)."""
    given = tensors([0.0, 0.0], [-1.0, -1.0], [-1.0, -1.0])
    pulled = gradient([-1.0, -0.5], given, kl_weight=1.0)
    assert pulled == pytest.approx([0.0, (1 - math.exp(-0.5)) / 2])


@pytest.mark.slow
def test_first_step_has_ratio_1_and_good_answers_gain(folder, tmp_path):
    """Exactly, where the forward pass is the reference's; the sampler's difference is reported; the
    same curve, however groups are packed; kept by token and read back."""
    curves = []
    for budget in (64, 4096):
        config = rewards_config(inner_epochs=6, groups_per_step=3, learning_rate=1e-3).train
        config = config.model_copy(update={"max_tokens_per_forward": budget})
        learner = make_learner(config)
        network = load_network(folder, config, 160, seed=0)
        rows = reference_logps(network, learner, GROUPS, budget, "m")
        save_reference(rows, str(tmp_path / "reference.parquet"))
        assert load_reference(str(tmp_path / "reference.parquet"), GROUPS, "m") == rows
        history: list[dict[str, float]] = []
        steps = plan_steps(GROUPS, learner, seed=0)
        run_steps(
            network,
            build_optimizer(network, config),
            steps,
            {row.example_id: row for row in rows},
            learner,
            lambda _, metrics, history=history: history.append(metrics) is not None,
        )
        assert history[0]["ratio/max_log"] < 1e-5
        assert history[0]["ratio/mean"] == pytest.approx(1, abs=1e-6)
        gaps = [
            abs(old - sampler)
            for one, row in zip(GROUPS, rows, strict=True)
            for old, sampler in zip(
                row.logps, (x for answer in one.answers for x in answer.sampler_logps), strict=True
            )
        ]
        assert history[0]["sampler/max_gap"] == pytest.approx(max(gaps), rel=1e-5)
        assert history[0]["sampler/gap"] == pytest.approx(sum(gaps) / len(gaps), rel=1e-5)
        losses = [row["loss"] for row in history]
        assert losses[3] < losses[1] < losses[0]
        curves.append([row["loss"] for row in history])
    assert curves[0] == pytest.approx(curves[1], abs=1e-4)


@pytest.mark.slow
def test_ratio_is_exactly_1_in_the_forward_pass_of_the_reference(folder):
    learner = Rewards(rewards_config().train)
    network = load_network(folder, learner.config, 160, seed=0)
    (row,) = reference_logps(network, learner, GROUPS[:1], 4096, "m")
    trees = build_trees([GROUPS[0].tree])
    with torch.no_grad():
        now = token_logps(network, trees)
    losses = learner.losses(
        Scored(
            phase="", examples=GROUPS[:1], trees=trees, token_logps=now,
            reference=torch.tensor(row.logps),
        )
    )  # fmt: skip
    metrics = learner.metrics(losses.statistics, "")
    assert (metrics["ratio/mean"], metrics["ratio/max_log"], metrics["kl"]) == (1.0, 0.0, 0.0)
    assert float(losses.reference_gap) == 0.0


def sampled(key: str, code: str) -> Any:
    """As the engine leaves a candidate: a prompt, tokens of the code, log-probabilities."""
    ids = tuple(code.encode())
    logps = tuple(Float32(-1.0) for _ in ids)
    return dataclasses.replace(
        candidate(key, code), completion_token_ids=ids, completion_logps=logps
    )


def measured_programs() -> MeasuredProblem:
    """Two fast, two slow and a wrong program; all four right ones in the confirming session."""
    candidates, rows = whole_problem()
    longest = [row for row in rows if row.phase == "confirm"]
    by_id = {row.candidate_id: row for row in longest}
    for key, like in (("fast1", "fast0"), ("slow0", "slow1")):
        row = by_id[like]
        times = tuple(round(time_ns * 1.01) for time_ns in row.cpu_times_ns)
        rows.append(dataclasses.replace(row, candidate_id=key, equal_to=key, cpu_times_ns=times))
    return MeasuredProblem(
        problem=PROBLEM,
        candidates=tuple(sampled(row.candidate_id, row.code) for row in candidates),
        measurements=tuple(rows),
    )


def make_round(folder: Path, config: Config, measured: MeasuredProblem) -> RoundRows:
    """The stage of rewards, of a problem and of "q", which nobody has a program for."""
    store = Store(str(folder))
    path = round_folder(3)
    store.write_records(f"{path}/candidates.parquet", Candidate, measured.candidates)
    store.write_records(f"{path}/measurements.parquet", Measurement, measured.measurements)
    other = dataclasses.replace(measured.problem, problem_id="q")
    maker = RoundMaker(store, 3, Rewards(config.train), config)
    return maker.make([measured.problem, other], lambda line: None)


def test_a_round_gives_a_group_for_each_problem_with_a_difference(tmp_path):
    config = rewards_config()
    learner = Rewards(config.train)
    made = make_round(tmp_path, config, measured_programs())
    store = Store(str(tmp_path))
    (row,) = store.read_records(f"{round_folder(3)}/groups.parquet", RewardedGroup)
    assert (row,) == group_or_reason(measured_programs(), config=config, round_index=3).groups
    assert [drop.reason for drop in made.dropped] == [
        "fewer than two answers of which anything is known"
    ]
    assert made.figures["reward/groups_without_difference"] == 1
    assert made.figures["reward/groups_with_speed"] == 1
    gains = {answer.candidate_id: answer.advantage for answer in row.answers}
    assert gains["fast0"] == gains["fast1"] > gains["slow0"] == gains["slow1"] > gains["wrong"]
    assert sum(gains.values()) == pytest.approx(0)
    assert made.figures["reward/answers"] == len(row.answers) == 5
    assert made.figures["reward/right"] == pytest.approx(0.8)
    assert made.figures["reward/mean"] == pytest.approx(sum(a.reward for a in row.answers) / 5)
    assert made.figures["reward/speed"] == pytest.approx(
        sum(answer.speed for answer in row.answers if answer.is_right) / 4
    )
    assert made.account.startswith("1 groups from 2 problems, 1 of them with a speed difference")
    prompts = Prompts(byte_tokenizer(), config.policy)
    example = learner.make_example(row, prompts, 500)
    assert isinstance(example, GroupTokens)
    assert example.num_tokens == 1 + sum(len(a.completion_token_ids) for a in row.answers)
    assert {credit for answer in example.answers for credit in answer.credits} == {1.0}
    assert learner.make_example(row, prompts, 20) is DropReason.TOO_LONG
    bare = [dataclasses.replace(answer, completion_logps=()) for answer in row.answers]
    bare_row = dataclasses.replace(row, answers=tuple(bare))
    assert learner.make_example(bare_row, prompts, 500) is DropReason.NO_LOGPS


def test_a_round_without_a_difference_says_why(tmp_path):
    measured = measured_programs()
    rows = [
        row for row in measured.measurements
        if row.phase == "check" and "wrong" not in row.candidate_id
    ]  # fmt: skip
    alike = dataclasses.replace(measured, measurements=tuple(rows))
    with pytest.raises(RuntimeError, match="round 3: no group with a difference.*no speed diff"):
        make_round(tmp_path, rewards_config(), alike)


def test_a_problem_that_no_reward_can_be_made_of_costs_no_other_its_group(tmp_path):
    """Its rows are of two problems."""
    measured = measured_programs()
    strange = dataclasses.replace(measured.measurements[0], candidate_id="nobody", problem_id="q")
    mixed = dataclasses.replace(measured, measurements=(*measured.measurements, strange))
    config = rewards_config()
    config = config.model_copy(
        update={"run": config.run.model_copy(update={"max_quarantined": 0.5})}
    )
    made = make_round(tmp_path, config, mixed)
    assert made.num_used == 1
    (lost,) = read_quarantine(Store(f"{tmp_path}/{round_folder(3)}"))
    assert lost.problem_id == "q" and "nobody" in lost.reason
    assert [row.reason for row in made.dropped] == [f"quarantined: {lost.reason}"]


def test_a_group_that_no_example_can_be_made_of_costs_no_other_its_own(tmp_path):
    """One of its answers has too few log-probabilities."""
    config = rewards_config()
    (row,) = group_or_reason(measured_programs(), config=config, round_index=3).groups
    first, *others = row.answers
    short = dataclasses.replace(first, completion_logps=first.completion_logps[:1])
    bad = dataclasses.replace(row, group_id="bad", problem_id="q", answers=(short, *others))
    folder = save_tiny_policy(tmp_path / "policy")
    made = make_examples([row, bad], folder, config)
    assert [example.group_id for example in made.kept] == [row.group_id]
    assert list(made.errors) == ["q"] and "as many log-probabilities" in made.errors["q"]
    assert [(d.reason, d.num_rows) for d in made.dropped] == [
        (f"quarantined: {made.errors['q']}", 1)
    ]
    prepared, _ = prepare([row, bad], load_checkpoint(folder), config, seed=0)
    assert (prepared.num_problems, prepared.errors) == (2, made.errors)


def test_tokens_that_only_one_side_shares_have_more_credit():
    """set is of the fast side, the loop of the slow one; a mean weight of 1."""
    config = rewards_config(skeleton_credit=3.0)
    (row,) = group_or_reason(measured_programs(), config=config, round_index=3).groups
    tokenizer = byte_tokenizer()
    prompts = Prompts(tokenizer, config.policy)
    for answer, raised in ((row.answers[0], "set"), (row.answers[2], "forinnotin")):
        ids = tuple(tokenizer.encode(answer.code)) + (prompts.end_token_id,)
        answer = dataclasses.replace(answer, completion_token_ids=ids)
        credits = token_credits(answer, prompts, 3.0)
        assert sum(credits) / len(credits) == pytest.approx(1)
        heavy = "".join(
            c for c, credit in zip(answer.code, credits, strict=False) if credit > min(credits)
        )
        assert raised == heavy, "punctuation and blanks both sides have"
        assert max(credits) / min(credits) == pytest.approx(4)
        assert credits[-1] == min(credits), "the end of the turn is no word"
    lead = tuple(tokenizer.encode("Sure:\n" + answer.code))
    moved = dataclasses.replace(answer, completion_token_ids=lead)
    assert token_credits(moved, prompts, 3.0)[6:] == pytest.approx(
        [credit * sum_ratio(lead, ids, credits) for credit in credits[:-1]]
    )
    other = dataclasses.replace(answer, completion_token_ids=tuple(tokenizer.encode("pass")))
    assert set(token_credits(other, prompts, 3.0)) == {1.0}
    assert {FAST[0], SLOW[0]} == {row.answers[0].code, row.answers[2].code}


def test_no_word_has_more_credit_where_one_side_has_no_right_program():
    """Both fast ones were cut off: what the slow ones share is not what makes them slow."""
    measured = measured_programs()
    cut = tuple(
        dataclasses.replace(row, finish_reason="length") if row.code in FAST else row
        for row in measured.candidates
    )
    measured = dataclasses.replace(measured, candidates=cut)
    config = rewards_config(skeleton_credit=3.0)
    (row,) = group_or_reason(measured, config=config, round_index=3).groups
    assert [answer.is_right for answer in row.answers] == [False, False, True, True, False]
    assert {answer.kept_spans for answer in row.answers} == {()}


@pytest.mark.parametrize("make_tokenizer", [byte_tokenizer, model_tokenizers.llama2])
def test_all_tokens_of_a_character_have_its_credit(make_tokenizer):
    """Of a word's last character only the first of its bytes had; with byte fallback, which shows
    each byte of an unfinished character, the rest of the string behind it had none either."""
    (row,) = group_or_reason(measured_programs(), config=rewards_config(), round_index=3).groups
    tokenizer = make_tokenizer()
    prompts = Prompts(tokenizer, rewards_config().policy)
    code = "def f(q):\n    q = '\u53d8\U0001f600' + q \n    return \u53d8"
    string, name = code.index("'"), code.rindex("\u53d8")
    answer = dataclasses.replace(
        row.answers[0],
        code=code,
        kept_spans=((string, string + 4), (name, name + 1)),
        completion_token_ids=(
            *tokenizer.encode(code, add_special_tokens=False),
            prompts.end_token_id,
        ),
    )
    credits = token_credits(answer, prompts, 3.0)
    raised = [place for place, credit in enumerate(credits) if credit > min(credits)]
    assert len(raised) == 1 + 3 + 4 + 1 + 3, "two quotes, 3, 4 and 3 bytes"
    assert raised[-3:] == [len(credits) - 4, len(credits) - 3, len(credits) - 2]
    assert raised[:9] == list(range(raised[0], raised[0] + 9))


def test_credit_is_for_the_program_and_not_for_its_draft_in_the_thoughts():
    config = rewards_config(skeleton_credit=3.0)
    (row,) = group_or_reason(measured_programs(), config=config, round_index=3).groups
    prompts = Prompts(byte_tokenizer(), config.policy)
    code = row.answers[0].code
    thoughts = f"<think>\n{code}\nIt is right.</think>\n"
    ids = tuple(byte_tokenizer().encode(thoughts + code))
    answer = dataclasses.replace(row.answers[0], completion_token_ids=ids)
    credits = token_credits(answer, prompts, 3.0)
    ids = tuple(byte_tokenizer().encode(code))
    alone = token_credits(dataclasses.replace(answer, completion_token_ids=ids), prompts, 3.0)
    raised = [place for place, credit in enumerate(credits) if credit > min(credits)]
    expected = [place for place, credit in enumerate(alone) if credit > min(alone)]
    assert raised == [len(thoughts) + place for place in expected] != []


def sum_ratio(lead: tuple[int, ...], ids: tuple[int, ...], credits: tuple[float, ...]) -> float:
    """The mean weight of the answer over that of the answer with other text around it."""
    unit = min(credits)
    whole = sum(credit / unit for credit in credits)
    mean, other = whole / len(ids), (whole - 1 + 6) / len(lead)
    return mean / other


@pytest.mark.slow
def test_both_learners_of_the_study_take_as_many_steps(folder, tmp_path):
    """From one round's samples; the shipped study loads, and its arms read what they set."""
    study, arms = load_study(Path(__file__).parents[1] / "studies" / "learners.toml", seeds=2)
    assert study.seeds == 2
    assert {name: config.train.learner for name, config in arms.items()} == {
        "preferences": "preferences", "preferences_code": "preferences",
        "rewards": "rewards", "rewards_credit": "rewards",
    }  # fmt: skip
    assert len({config.generate.model_dump_json() for config in arms.values()}) == 1
    real, both = load_study(Path(__file__).parents[1] / "studies" / "learners-qwen.toml")
    assert (real.seeds, list(both)) == (1, ["preferences", "rewards"])
    preferences = tiny_config(pairs_per_step=2)
    for name, config in (("rewards", rewards_config()), ("preferences", preferences)):
        longer = config.policy.model_copy(update={"max_model_tokens": 400})
        row = train_job(
            Job(
                key=f"{name}/0/1",
                arm=name,
                config=config.model_copy(update={"policy": longer}),
                start=folder,
                save_to=str(tmp_path / name),
                round_index=3,
                measured=(measured_programs(),),
                num_steps=5,
                seed=0,
            )
        )
        assert (row["num_steps"], row["last"]["step"]) == (5, 4)
        assert math.isfinite(row["last"]["loss"])
        assert Path(row["policy"], "model.safetensors").is_file()


@pytest.mark.parametrize(("num_steps", "shares"), [(4, (3, 1)), (8, (6, 2)), (18, (14, 4))])
def test_study_keeps_the_shares_of_the_phases_whatever_the_steps(folder, num_steps, shares):
    """8 correctness pairs in three passes and 4 of efficiency in two, 4 a step: 6 steps and 2."""
    pairs = tokens_of([preference_pair(i) for i in range(12)], folder, tiny_config())
    examples = [
        dataclasses.replace(pair, stage="correctness" if place < 8 else "efficiency")
        for place, pair in enumerate(pairs)
    ]
    train = tiny_config(
        pairs_per_step=4, correctness_epochs=3, efficiency_epochs=2, schedule="linear"
    ).train
    plan = plan_steps(examples, make_learner(train), 0)
    steps = equal_steps(examples, train, 0, num_steps)
    assert [step.index for step in steps] == list(range(num_steps))
    assert [step.phase for step in steps] == [
        *["correctness"] * shares[0], *["efficiency"] * shares[1]
    ]  # fmt: skip
    rates = [step.learning_rate for step in steps]
    assert rates[0] == plan[0].learning_rate
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.5 * rates[0]
    if num_steps == len(plan):
        assert steps == plan
    with pytest.raises(ValueError, match="0 examples give no step"):
        equal_steps([], train, 0, num_steps)


def test_study_takes_more_passes_over_the_groups():
    train = rewards_config(groups_per_step=2).train
    plan = plan_steps(GROUPS, make_learner(train), 0)
    steps = equal_steps(GROUPS, train, 0, 5)
    assert [len(plan), len(steps)] == [2, 5]
    assert [step.examples for step in steps[:2]] == [step.examples for step in plan]
    assert {each.group_id for step in steps[2:4] for each in step.examples} == {"g0", "g1", "g2"}


def test_study_takes_the_first_round_of_a_run_of_its_problems_and_model(tmp_path):
    measured = measured_programs()
    place, store = round_folder(1), Store(str(tmp_path))
    store.write_records(f"{place}/candidates.parquet", Candidate, measured.candidates)
    store.write_records(f"{place}/measurements.parquet", Measurement, measured.measurements)
    own = measured.candidates[0].model_id
    sampled = first_round_of(str(tmp_path), [measured.problem], own)
    assert list(sampled.iter_problems([measured.problem])) == [measured]
    with pytest.raises(ValueError, match="written by another model than"):
        first_round_of(str(tmp_path), [measured.problem], "0" * 64)
    other = dataclasses.replace(measured.problem, problem_id="unheard")
    with pytest.raises(ValueError, match=r"nothing of 1 of 2 training problems \(unheard"):
        first_round_of(str(tmp_path), [measured.problem, other], own)


def test_settings_of_another_learner_are_an_error():
    with pytest.raises(ValueError, match="does not read train.beta, train.loss; take them out"):
        tiny_config(learner="rewards", beta=0.1, loss="ipo")
    with pytest.raises(ValueError, match="does not read train.policy_gradient"):
        tiny_config(policy_gradient={"clip_low": 0.1})
    assert make_learner(rewards_config().train) == Rewards(rewards_config().train)


def test_reference_rows_are_per_token(folder: str) -> None:
    learner = Rewards(rewards_config().train)
    network = load_network(folder, learner.config, 160, seed=0)
    rows = reference_logps(network, learner, GROUPS, 64, "m")
    assert [len(row.logps) for row in rows] == [each.num_reference_values for each in GROUPS]
    assert all(isinstance(row, ReferenceLogps) for row in rows)
    assert Path(folder).is_dir()
