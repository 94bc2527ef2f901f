"""TRL's GRPOTrainer on measured speed: `python examples/grpo_with_trl.py MODEL PROBLEMS`.

PROBLEMS as problems.sources (docs/PROBLEMS.md); needs Docker and trl. The sandbox cores must not be
those that train: SKELDPO_SANDBOX_CORES, docs/SANDBOX.md.
"""

import sys
from typing import Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from skeldpo.api import RewardPool, reward
from skeldpo.problems.sources import iter_problems

model, path = sys.argv[1:]
problems = {problem.problem_id: problem for problem in iter_problems([path])}
ASKED = "{statement}\n{starter_code}\nWrite an efficient and correct program."
rows = [
    {
        "prompt": ASKED.format(statement=each.statement, starter_code=each.starter_code),
        "problem_id": each.problem_id,
    }
    for each in problems.values()
]


def measured_speed(completions: list[str], problem_id: list[str], **_: Any) -> list[float]:
    """A group's completions follow each other; the pool keeps the containers warm."""
    return reward([problems[key] for key in problem_id], completions, pool=pool)


with RewardPool() as pool:
    GRPOTrainer(
        model=model,
        reward_funcs=measured_speed,
        train_dataset=Dataset.from_list(rows),
        args=GRPOConfig(
            output_dir="grpo",
            num_generations=4,
            per_device_train_batch_size=4,
            max_completion_length=128,
            max_steps=2,
            scale_rewards="none",
            loss_type="dr_grpo",
            report_to=[],
        ),
    ).train()
