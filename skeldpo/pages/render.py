"""Templates -> pages. A template is named by its place in the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from skeldpo.pages.code import program

STYLE = "pages/style.css"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A titled table; the cells of the first column are row names."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def render(template: str, **values: object) -> str:
    """The page of a template such as "report/page.html.j2", which extends "pages/base.html.j2"."""
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(program=program, style=Markup(_source(STYLE)), safe_svg=Markup)
    return environment.get_template(template).render(**values)


def _source(name: str) -> str:
    return files("skeldpo").joinpath(name).read_text(encoding="utf-8")
