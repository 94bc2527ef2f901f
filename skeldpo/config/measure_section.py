"""The [measure] section: which inputs programs are timed on, how often, and where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from skeldpo.config.base import Section


class MeasureConfig(Section):
    """[measure] Verdicts and CPU times in containers (docs/SANDBOX.md)."""

    num_cores: int = Field(default=0, ge=0)
    """Sandbox actors, one core each; 0: as many as the cluster has of resource sandbox_core."""
    image: str = ""
    """Sandbox image, by digest; empty: built offline from the running Python."""
    numpy: bool = False
    """The installed NumPy is in the image that is built offline; each run costs a little more."""
    engine: Literal["auto", "docker", "podman"] = "auto"
    """Who runs the containers. auto: what $DOCKER_HOST names, else Docker where it answers, else
    Podman."""
    runtime: str = ""
    """OCI runtime of the containers ("runsc" for gVisor); empty: the engine's default."""
    cpu_limit_s: float = Field(default=2.0, gt=0)
    """CPU seconds of one run; the wall limit is 3 times that plus 1 s."""
    memory_limit_mib: int = Field(default=512, ge=64)
    min_cpu_time_ms: float = Field(default=50.0, gt=0)
    """Generated inputs grow until the fastest correct program takes this long."""
    max_slow_ratio: float = Field(default=20.0, gt=1)
    """... or until the slowest takes this many times min_cpu_time_ms."""
    max_tests: int = Field(default=0, ge=0)
    """Tests of a problem that decide a verdict, spread evenly over all it has; 0: every one."""
    max_screened: int = Field(default=24, ge=2)
    """Distinct correct programs of a problem that are timed (a seeded choice of them)."""
    screen_repeats: int = Field(default=3, ge=1)
    propose_ratio: float = Field(default=1.1, ge=1)
    """Screened slowest over fastest program below which no confirming session is worth its time,
    nor another round of it after a look."""
    confirm_repeats: tuple[Annotated[int, Field(ge=5)], ...] = (8, 12, 20)
    """Valid rounds after which a confirming session is looked at, rising; it ends at the first look
    that decides, or sooner if nothing can be shown any more. 8 are the least at which the test can
    give a p-value of 0.005."""
    max_p_value: float = Field(default=0.005, gt=0, lt=0.5)
    """What "beyond doubt" is to the session, at each look; [pair] decides what becomes a pair."""
    confirm_candidates: int = Field(default=3, ge=2)
    """Programs of a problem, from fastest to slowest, that one confirming session compares."""
    crosscheck_inputs: int = Field(default=8, ge=0)
    """Other generators of a problem on whose input the confirmed programs are timed as well, since
    a pair must not be reversed on any; 0: none."""
    profile_lines: bool = False
    """Each timed program of a training problem runs once more, traced (0.5 s of its time at most),
    to find the lines that take its time: for skeleton.method "dynamic"."""
    profile_memory: bool = False
    """Each timed program runs once more, its memory read every millisecond."""
    max_retries: int = Field(default=2, ge=0)
    """Further attempts, each in a new container, at a problem whose sandbox failed; then as many on
    another core, then its programs are SANDBOX_FAILED. Also at a problem that its actor died of or
    could not work on: then it is quarantined."""

    @model_validator(mode="after")
    def _parts_agree(self) -> MeasureConfig:
        if self.image and self.numpy:
            raise ValueError(
                "measure.numpy is for the image that is built offline; measure.image "
                f"{self.image!r} has NumPy or not, so leave one of them out"
            )
        if not self.confirm_repeats or list(self.confirm_repeats) != sorted(
            set(self.confirm_repeats)
        ):
            raise ValueError(
                f"measure.confirm_repeats must be one or more rising numbers, "
                f"got {self.confirm_repeats}"
            )
        least = 0.5 ** self.confirm_repeats[-1]  # the signed-rank test gives no less
        if least > self.max_p_value:
            raise ValueError(
                f"measure.max_p_value ({self.max_p_value:g}) is below what the test can give after "
                f"the {self.confirm_repeats[-1]} rounds that measure.confirm_repeats ends with "
                f"({least:.2g}), so that no program could ever be shown to be faster; ask for more "
                "rounds"
            )
        return self

    def require_reach(self, name: str, max_p_value: float) -> None:
        """ValueError for a limit that sessions, which end as soon as they show what they are asked
        for, do not reach: of two programs the clearest difference has the fewest rounds."""
        if max_p_value < self.max_p_value:
            raise ValueError(
                f"{name} ({max_p_value:g}) is below measure.max_p_value ({self.max_p_value:g}), at "
                "which a confirming session ends, so that a clear difference would not be shown; "
                f"set measure.max_p_value to {max_p_value:g}, too"
            )
