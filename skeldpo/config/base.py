"""What all sections of the configuration have in common."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """Frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_flag_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Python's true is 1, so that `num_rounds = true` would be one round: it is given on as a
        word, which the field then refuses."""
        annotation = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and annotation in (int, float, date):
            return str(value).lower()
        return value
