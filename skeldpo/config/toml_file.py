"""Reading a configuration: a TOML file, overrides, and messages that say what is wrong where.

`load_config` reads the file, applies `section.key=value` overrides and checks everything; a problem
with the input is a ValueError that names the key, what was expected and what came.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from skeldpo.config.base import Section
from skeldpo.config.sections import Config

Sections = TypeVar("Sections", bound=Section)

_EXAMPLES = {
    "string_type": ' in quotes, such as "7b"',
    "tuple_type": ', a list such as ["a", "b"] or [8, 12]',
}
"""What a value of a type looks like, for one that came without the marks of it."""


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Reads a TOML file and applies overrides such as `train.beta=0.2`."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"no configuration file at {file}; jobs/configs/ has examples")
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not valid TOML: {error}") from error
    for override in overrides:
        _apply_override(values, override)
    return parse_config(values, str(file))


def parse_config(values: dict[str, Any], where: str) -> Config:
    """Checks plain values; `where` names their origin in the message of the ValueError."""
    return _checked(Config, values, where)


def load_sections(defaults: Sections, overrides: Sequence[str]) -> Sections:
    """Some sections without a file: the defaults with overrides such as `measure.cpu_limit_s=5`."""
    # Not what nobody gave: a suite has a memory limit of its own unless the user sets one.
    values = {name: section.model_dump(exclude_unset=True) for name, section in defaults}
    known = sorted(values)
    for override in overrides:
        _apply_override(values, override)
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"--set names section {unknown}; this command has {known}")
    return _checked(type(defaults), values, "--set")


def _checked(sections: type[Sections], values: dict[str, Any], where: str) -> Sections:
    try:
        return sections.model_validate(values)
    except ValidationError as error:
        lines = [_explain(item, sections) for item in error.errors()]
        raise ValueError(f"{where}: " + "; ".join(lines)) from error


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise ValueError(f"override {override!r}: expected section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    try:
        *sections, last = _key_parts(tomllib.loads(f"{key} = 0"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"override {override!r}: expected section.key=value") from error
    target = values
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise ValueError(f"override {override!r}: {section} is a value, not a section")
    target[last] = value


def _key_parts(held: Any) -> list[str]:
    """Of a key in TOML's form, in which a part with a dot stands in quotes."""
    ((part, inner),) = held.items()
    return [part, *_key_parts(inner)] if isinstance(inner, dict) else [part]


def _explain(item: Any, sections: type[Section]) -> str:
    location = [str(part) for part in item["loc"]]
    name = ".".join(location) or "configuration"
    if item["type"] == "extra_forbidden":
        return f"unknown key {name}{_nearest(location, sections)}"
    if item["type"] == "missing":
        return f"{name} is missing and has no default"
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    example = _EXAMPLES.get(item["type"], "")
    return f"{name}: {item['msg']}{example}, got {item['input']!r}"


def _nearest(location: list[str], sections: type[Section]) -> str:
    known = _known_keys(sections)
    names = sorted({key.rpartition(".")[0] for key in known}) if len(location) == 1 else known
    close = difflib.get_close_matches(".".join(location), names, n=1, cutoff=0.5)
    if len(location) == 1:  # a key without its section, or not under it
        close = [key for key in known if key.rpartition(".")[2] == location[0]] or close
        if len(close) > 1:
            return f"; did you mean one of {', '.join(close)}?"
    return f"; did you mean {close[0]}?" if close else f"; known keys: {', '.join(known)}"


def _known_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, field in model.model_fields.items():
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        section = next((t for t in inner if isinstance(t, type) and issubclass(t, Section)), None)
        keys += _known_keys(section, f"{prefix}{name}.") if section else [prefix + name]
    return keys
