"""Generators of inputs for a problem that has none: they grow its own tests in the sandbox.

One for each way to grow; `skeldpo.problems.growth` says what is known of the arguments, the guest
`growth_guest` has the growing. What nobody knows is whether the statement allows what they make:
no program is called wrong by it, and an input on which programs disagree is not used
(`skeldpo.measure.inputs`).
"""

from __future__ import annotations

import functools
import textwrap

from skeldpo.measure import growth_guest
from skeldpo.records import Problem
from skeldpo.sandbox.guest_source import guest_source
from skeldpo.values import decode, encode

WAYS = ("cycle", "distinct", "sorted", "square", "fixed", "scalars", "stretch")

_PLACES = """
from skeldpo.values import decode
SPEC = decode({spec!r})
WAY = {way!r}
"""


@functools.lru_cache(maxsize=8)
def growth_generators(growth: str) -> tuple[str, ...]:
    """The sources, one a way, of what `Problem.growth` says."""
    spec = decode(growth)
    contract = str(spec.pop("contract", "")).expandtabs(8)
    parameters = ", ".join(spec.pop("parameters", ()))
    parts = [guest_source(growth_guest)]
    if contract.strip():
        body = textwrap.indent(textwrap.dedent(contract.strip("\n")), "    ")
        parts.append(f"def contract({parameters}):\n{body}\n    return None\n")
    return tuple("\n".join([*parts, _PLACES.format(spec=encode(spec), way=way)]) for way in WAYS)


def generators_of(problem: Problem) -> tuple[str, ...]:
    """Its own, or those that grow its tests; none where neither is."""
    if problem.generators or not problem.growth:
        return problem.generators
    return growth_generators(problem.growth)
