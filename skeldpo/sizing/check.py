"""Whether a run's workers fit on the nodes that there are.

Ray places workers by CPUs, GPUs and sandbox cores and knows nothing of their memory. So what has a
place by these and not by memory will die of it and is refused; what has no place yet is told on a
cluster, where Ray waits for nodes, and refused on one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from skeldpo.config import STARTER, Config
from skeldpo.sizing.needs import Need, gib, told
from skeldpo.sizing.nodes import Node, Nodes, find_nodes
from skeldpo.sizing.sampling import driver_need, engine_need, sandbox_need
from skeldpo.sizing.shape import ModelShape, llama_shape, read_shape
from skeldpo.sizing.worker import worker_need

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """What is not there; `is_final` if no node that comes later can help."""

    text: str
    is_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Workers that are there at the same time."""

    name: str
    needs: tuple[Need, ...]


def check_run(config: Config, tell: Tell, *, shows: bool) -> None:
    """Tells what a run's workers need and what there is (only what lacks, unless it shows all).

    ValueError for what cannot fit, unless run.memory_check is "warn".
    """
    if config.run.memory_check == "off":
        return
    try:
        shape = _policy_shape(config)
    except (OSError, ValueError) as error:
        tell(
            f"memory: not checked, as config.json of {config.policy.model} cannot be read here "
            f"({type(error).__name__})"
        )
        return
    found = find_nodes(tell)
    stages = stages_of(config, shape, sum(node.sandbox_cores for node in found.nodes))
    if shows:
        tell("memory, estimated (docs/SIZING.md):")
        for stage in stages:
            for need in stage.needs:
                tell(f"  {stage.name}: {told(need)}")
        for node in found.nodes:
            tell(f"  {node.told()}")
        if config.generate.keep_engines == "auto":
            tell(f"engines: {told_fit(engines_fit(config, found))}")
    lacking = [each for stage in stages for each in shortages(stage, found)]
    final = [each.text for each in lacking if each.is_final]
    if final and config.run.memory_check == "refuse":
        raise ValueError(
            "this cannot fit: " + "; ".join(final) + '; run.memory_check = "warn" goes on all the '
            "same"
        )
    for each in lacking:
        tell(f"memory: {each.text}")


def stages_of(config: Config, shape: ModelShape, num_sandbox_cores: int) -> tuple[Stage, ...]:
    """The kinds of worker of a run's two stages that take memory; engines that have to stay are
    there while the policy is trained."""
    engine = engine_need(shape, config.generate, config.policy.max_model_tokens)
    worker = worker_need(shape, config.train, tokens_per_forward(config))
    staying = (engine,) if config.generate.keep_engines is True else ()
    return (
        Stage(
            name="sample",
            needs=(
                driver_need(),
                engine,
                sandbox_need(config.measure, num_sandbox_cores),
            ),
        ),
        Stage(name="train", needs=(driver_need(), *staying, worker)),
    )


def engines_fit(config: Config, found: Nodes) -> str:
    """Why the nodes cannot hold the engines beside the training workers; empty if they can."""
    try:
        shape = _policy_shape(config)
    except (OSError, ValueError) as error:
        return f"config.json of {config.policy.model} cannot be read here ({type(error).__name__})"
    forced = config.generate.model_copy(update={"keep_engines": True})
    stages = stages_of(config.model_copy(update={"generate": forced}), shape, 0)
    return "; ".join(each.text for each in shortages(stages[-1], found))


def told_fit(reason: str) -> str:
    """A line on engines that need not stay, by `engines_fit`."""
    if not reason:
        return "they stay from round to round (generate.keep_engines)"
    return f"each round starts its own, as they do not fit beside the training: {reason}"


def tokens_per_forward(config: Config) -> int:
    """The most that a training worker packs; one sequence is never cut."""
    return max(config.train.max_tokens_per_forward, config.policy.max_model_tokens)


def shortages(stage: Stage, found: Nodes) -> list[Shortage]:
    """What a stage's workers lack, kind by kind, in the memory that those before have left: by what
    they surely need, and where that is there, by the whole estimate."""
    surely = _lacking(stage, found, [need.least for need in stage.needs])
    if surely:
        return surely
    estimated = _lacking(stage, found, list(stage.needs))
    return [Shortage(text=f"may not fit: {each.text}", is_final=False) for each in estimated]


def _lacking(stage: Stage, found: Nodes, needs: Sequence[Need]) -> list[Shortage]:
    rooms = [_Room(node) for node in found.nodes]
    lacking = []
    for need, shown in zip(needs, stage.needs, strict=True):
        places = sum(room.places(need) for room in rooms)
        fitting, emptiest = 0, sorted(rooms, key=lambda room: -room.host_bytes)
        for room in emptiest:
            fitting += room.take(need, need.number - fitting)
        if fitting >= need.number:
            continue
        if places and (places >= need.number or fitting < places):
            lacking.append(Shortage(text=_too_small(need, shown, found, fitting), is_final=True))
        else:
            text = f"{_number(need)} want {_resources(need)} each, and {places} have a place"
            text += " now; Ray waits for nodes" if found.is_cluster else " here"
            is_final = not found.is_cluster and not places
            lacking.append(Shortage(text=text, is_final=is_final))
    return lacking


class _Room:
    """What is left of a node."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.host_bytes = node.host_bytes
        self.num_cpus = node.num_cpus
        self.num_gpus = node.num_gpus
        self.sandbox_cores = node.sandbox_cores

    def places(self, need: Need) -> int:
        """Workers that Ray may put here."""
        offers = [
            have // want
            for have, want in (
                (self.num_cpus, need.num_cpus),
                (self.num_gpus, need.num_gpus),
                (self.sandbox_cores, need.sandbox_cores),
            )
            if want
        ]
        return min(offers, default=need.number)

    def take(self, need: Need, number: int) -> int:
        """Puts as many here as their memory allows, and says how many."""
        count = max(0, min(self.places(need), number, self.host_bytes // need.host_bytes))
        size = self.node.gpu_bytes
        if need.device and size and need.device_bytes > size:
            count = 0
        self.host_bytes -= count * need.host_bytes
        self.num_cpus -= count * need.num_cpus
        self.num_gpus -= count * need.num_gpus
        self.sandbox_cores -= count * need.sandbox_cores
        return count


def _number(need: Need) -> str:
    return f"{need.number} {need.kind}{'s' * (need.number > 1)}"


def _resources(need: Need) -> str:
    wants = [(need.num_cpus, "CPUs"), (need.num_gpus, "GPUs"), (need.sandbox_cores, "sandbox_core")]
    return ", ".join(f"{number} {name}" for number, name in wants if number)


def _too_small(need: Need, shown: Need, found: Nodes, fitting: int) -> str:
    """`shown` has the figures that are told, `need` those that were compared."""
    usable = [node for node in found.nodes if _Room(node).places(need)]
    gpus = [node.gpu_bytes for node in usable if node.gpu_bytes]
    if need.device and gpus and need.device_bytes > max(gpus):
        return (
            f"{need.kind}: needs a GPU with {gib(shown.device_bytes)}, and the largest has "
            f"{gib(max(gpus))}: {need.advice}"
        )
    each = " each" * (need.number > 1)
    text = f"{_number(need)} need{'s' * (need.number == 1)} {gib(shown.host_bytes)} of memory{each}"
    largest = gib(max(node.host_bytes for node in usable))
    where = f"of {len(usable)} nodes for them the largest has" if found.is_cluster else "there is"
    return f"{text}, {fitting} fit beside the rest, and {where} {largest} in all: {need.advice}"


def _policy_shape(config: Config) -> ModelShape:
    model = config.policy.model
    if model != STARTER:
        return read_shape(model, config.train.lora)
    starter = config.starter
    return llama_shape(
        hidden_size=starter.hidden_size,
        mlp_size=8 * starter.hidden_size // 3,
        num_layers=starter.num_layers,
        heads=(starter.num_heads, starter.num_heads),
        vocab_size=starter.vocab_size,
        is_tied=True,
    )
