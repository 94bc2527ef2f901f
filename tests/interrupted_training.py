"""A command that holds a run and trains for long, for tests that stop it: FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from tiny_policy import preference_pair, save_tiny_policy, tiny_config

from skeldpo.checkpoints import load_checkpoint
from skeldpo.cli import run_guarded
from skeldpo.connection import connect_ray
from skeldpo.console import Display
from skeldpo.rounds.lease import driving
from skeldpo.storage.store import Store
from skeldpo.train.trainer import train_checkpoint


def train(display: Display) -> None:
    """Two pairs a step, a checkpoint every ten."""
    folder = Path(sys.argv[1])
    policy = folder / "policy"
    start = load_checkpoint(str(policy) if policy.exists() else save_tiny_policy(policy))
    with driving(Store(str(folder)), display.tell):
        connect_ray(display.tell, measures=False)
        train_checkpoint(
            config=tiny_config(max_sampler_gap_nats=0.0, pairs_per_step=2, checkpoint_every=10,
                               efficiency_epochs=5000),
            rows=[preference_pair(index) for index in range(4)],
            start=start,
            output_folder=str(folder / "trained"),
            reference_path=str(folder / "reference.parquet"),
            storage_path=str(folder / "ray"),
            run_name="round-1",
            seed=0,
            tell=display.tell,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_guarded(train))
