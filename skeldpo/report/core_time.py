"""The sandbox cores' time of a run's rounds, as a table."""

from __future__ import annotations

from skeldpo.accounts.core_use import read_core_shares
from skeldpo.config import Config
from skeldpo.pages import Table
from skeldpo.rounds.stages import closing_place, round_place
from skeldpo.storage.store import Store


def core_table(store: Store, config: Config) -> Table:
    """Per sample stage what the time of the sandbox cores went to; of one under way, so far. A run
    that was extended was closed before as well."""
    rounds = range(1, config.run.num_rounds + 1)
    rows = []
    for place in (each for index in rounds for each in (round_place(index), closing_place(index))):
        shares = read_core_shares(store, place.folder)
        if shares is not None:
            parts = (shares.programs, shares.inputs, shares.own, shares.waiting)
            rows.append(
                (place.title, str(shares.num_cores), f"{shares.held_s:.0f}",
                 *(f"{100 * part:.0f}" for part in parts))
            )  # fmt: skip
    return Table(
        title="time of the sandbox cores, in % of that held",
        columns=("", "cores", "held, core-s", "programs", "generators and checkers",
                 "between runs", "waiting"),
        rows=tuple(rows),
    )  # fmt: skip
