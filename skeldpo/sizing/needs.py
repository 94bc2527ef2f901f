"""What a worker of a kind needs, by parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a worker's memory; `is_exact` if it is counted and not estimated."""

    name: str
    num_bytes: int
    is_exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one of `number` workers of a kind needs.

    `host` is memory of its processes, `device` that of each of its GPUs, of which it may take the
    share `device_share`. `slack` is how often an estimate may hold the truth (a ratio), `advice`
    names settings that make the figures smaller.
    """

    kind: str
    number: int
    host: tuple[Part, ...]
    advice: str
    num_cpus: int = 0
    num_gpus: int = 0
    sandbox_cores: int = 0
    device: tuple[Part, ...] = ()
    device_share: float = 1.0
    slack: float = 1.0

    @property
    def host_bytes(self) -> int:
        """All of the host's memory that it needs."""
        return _sum(self.host, 1.0)

    @property
    def device_bytes(self) -> int:
        """The size of GPU that it needs."""
        return int(_sum(self.device, 1.0) / self.device_share)

    @property
    def least(self) -> Need:
        """The same with what it surely needs."""
        small = {
            side: tuple(
                replace(part, num_bytes=_sum((part,), self.slack)) for part in getattr(self, side)
            )
            for side in ("host", "device")
        }
        return replace(self, host=small["host"], device=small["device"])


def _sum(parts: tuple[Part, ...], slack: float) -> int:
    return int(sum(p.num_bytes / (1.0 if p.is_exact else slack) for p in parts))


def gib(num_bytes: float) -> str:
    """Bytes as text, two digits or more."""
    value = num_bytes / GIB
    return f"{value:.2f} GiB" if value < 1 else f"{value:.{int(value < 10)}f} GiB"


def told(need: Need) -> str:
    """A line: what it needs and of what parts that is."""
    text = f"{need.number} x {need.kind}: {gib(need.host_bytes)} of memory"
    text += f" ({_parts(need.host)})"
    if need.device:
        share = "" if need.device_share == 1 else f" over {need.device_share:g} of the GPU"
        text += f"; {gib(need.device_bytes)} on {'each' if need.num_gpus > 1 else 'a'} GPU"
        text += f" ({_parts(need.device)}{share})"
    return text


def _parts(parts: tuple[Part, ...]) -> str:
    shown = [p for p in parts if p.num_bytes >= 0.005 * GIB]
    return ", ".join(f"{part.name} {part.num_bytes / GIB:.2f}" for part in shown)
