"""`skeldpo run --dry-run`: a configuration in full, what it needs and what there is.

Nothing is kept, and no Ray is started; a cluster that a run would join is joined and asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skeldpo.checkpoints import model_place
from skeldpo.config import STARTER, Config
from skeldpo.console import Display
from skeldpo.probe import try_storage
from skeldpo.problems.overlap import keep_out
from skeldpo.problems.sources import evaluation_problems, load_problems, training_problems
from skeldpo.records import Problem
from skeldpo.rounds.run_start import check_policy
from skeldpo.sizing.check import check_run
from skeldpo.storage.files import is_url
from skeldpo.suites.of_run import check_suites, trained_on


def dry_run(config: Config, display: Display) -> None:
    """Shows it; ValueError for problems that cannot be read, a policy that cannot be trained and
    workers that cannot fit."""
    check_suites(config)
    kept = keep_out(
        load_problems(config.problems.sources, config.problems.families), config.keep_out
    )
    problems = kept.problems
    seed = config.run.seed
    train = training_problems(problems, config.problems, round_index=1, seed=seed)
    heldout = evaluation_problems(problems, config.problems, seed=seed)
    display.console.print_json(config.model_dump_json())
    if account := kept.account():
        display.tell(account)
    for line in trained_on(config, problems):
        display.tell(line)
    display.tell(
        f"{len(problems)} problems; a round trains on {len(train)} and evaluates on "
        f"{len(heldout)}; configuration digest {config.digest()}"
    )
    display.tell(f"storage: {try_storage(config.run.storage, config.run.name)}")
    check_run(config, display.tell, shows=True)
    if config.policy.model != STARTER and not is_url(config.policy.model):
        _check_policy(config, problems, display)


def _check_policy(config: Config, problems: Sequence[Problem], display: Display) -> None:
    model = model_place(config.policy.model)
    try:
        check_policy(model, config, problems)
    except OSError as error:
        if Path(model).is_dir():
            raise ValueError(f"policy.model: {error}") from error
        display.tell(f"policy: not checked, as {model} cannot be had here ({type(error).__name__})")
