"""The engines of a run that stay from round to round, where there is room for them.

Asked before each stage: nodes come and go. Engines that stay hold their CPUs and GPUs until the
block ends, whatever ends it, or until training needs what they have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skeldpo.config import Config
from skeldpo.generate.engine_keeper import Keepers
from skeldpo.sizing.check import engines_fit, told_fit
from skeldpo.sizing.nodes import find_nodes


class KeptEngines:
    """The keepers of one run's driver; ended when the block ends."""

    def __init__(self, config: Config, tell: Callable[[str], None]) -> None:
        self._config = config
        self._tell = tell
        self._keepers = Keepers()
        self._told = ""

    def __enter__(self) -> KeptEngines:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def keepers(self) -> tuple[Any, ...]:
        """The actors for a sample stage; none if it is to start engines of its own."""
        return self._keepers.start(self._config.generate) if self._may_stay() else ()

    def make_room(self) -> None:
        """Ends the engines if the training that comes next does not fit beside them."""
        if self._keepers.are_there and not self._may_stay():
            self.end()

    def end(self) -> None:
        """Ends them all; more may be started later."""
        self._keepers.end()

    def _may_stay(self) -> bool:
        asked = self._config.generate.keep_engines
        if asked != "auto":
            return asked
        reason = engines_fit(self._config, find_nodes(self._tell))
        line = f"engines: {told_fit(reason)}"
        if line != self._told:
            self._tell(line)
        self._told = line
        return not reason
