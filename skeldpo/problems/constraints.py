"""What a statement says of its arguments' sizes: lines such as `1 <= nums.length <= 10^5`.

Read as LeetCode writes them, also where copying lost the sign of a power (`105` is 10^5). What is
not read is not known; nothing here says that an argument within the bounds is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_RELATION = re.compile(r"(<=|>=|==|<|>|=)")
_NAME = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<inner>(?:\[\w+\])*)(?P<size>\.length|\.size\(\))?")
_LOST_POWER = re.compile(r"10([2-9]|1[0-8])|2(31|32|63)")
_FACTOR = re.compile(r"(\d[\d,]*)(?:\s*\^\s*(\d+))?")
_BULLET = re.compile(r"^[*\u2022-]\s+")
_HEADING = "Constraints"
MAX_EXPONENT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """Bounds of one subject, None where there is none: an argument (`k`), its entries (`nums[i]`,
    depth 1) or its length (`nums.length`)."""

    name: str
    depth: int
    is_length: bool
    low: int | None
    high: int | None


def stated_bounds(statement: str, parameters: Collection[str]) -> list[Stated]:
    """Every bound of a parameter of the `Constraints` part of a statement."""
    text = statement.partition(_HEADING)[2].replace("\u2264", "<=").replace("\u2265", ">=")
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("**", "^").replace("`", "")
    text = text.replace("<sup>", "^").replace("</sup>", "")  # signs of relations are read next
    loses_powers = "^" not in text
    found: list[Stated] = []
    equal: list[tuple[str, str]] = []
    for line in text.splitlines():
        parts = [part.strip() for part in _RELATION.split(_BULLET.sub("", line.strip()))]
        terms, relations = parts[::2], parts[1::2]
        for place, term in enumerate(terms):
            if relations[place : place + 1] in (["=="], ["="]):
                equal.append((term, terms[place + 1]))
            for subject in term.split(","):
                found += _bounds(subject.strip(), terms, relations, place, loses_powers)
    known = {name: [b for b in found if b.name == name and not b.is_length] for name in
             {b.name for b in found}}  # fmt: skip
    for left, right in [*equal, *((b, a) for a, b in equal)]:
        subject = _NAME.fullmatch(left)
        if subject and subject["size"]:
            found += [_about(subject, each.low, each.high) for each in known.get(right, ())
                      if each.depth == 0]  # fmt: skip
    return [each for each in dict.fromkeys(found) if each.name in parameters]


def _bounds(
    subject: str, terms: list[str], relations: list[str], place: int, loses_powers: bool
) -> list[Stated]:
    matched = _NAME.fullmatch(subject)
    if not matched:
        return []
    low = high = None
    for other, term in enumerate(terms):
        value = _number(term, loses_powers)
        if value is None:
            continue
        between = relations[min(place, other) : max(place, other)]
        kinds = {relation[0] for relation in between}
        is_strict = any(relation in ("<", ">") for relation in between)
        if kinds == {"="}:
            low = high = value
        elif not kinds <= {"<", "="} and not kinds <= {">", "="}:
            continue
        elif ("<" in kinds) == (other > place):
            high = value - is_strict
        else:
            low = value + is_strict
    return [] if low is high is None else [_about(matched, low, high)]


def _about(subject: re.Match[str], low: int | None, high: int | None) -> Stated:
    return Stated(
        name=subject["name"],
        depth=subject["inner"].count("["),
        is_length=bool(subject["size"]),
        low=low,
        high=high,
    )


def _number(text: str, loses_powers: bool) -> int | None:
    """Of `3 * 10^4`, `-10^9`, `2^31 - 1`; None for anything else."""
    sign = -1 if text.startswith("-") else 1
    whole, _, less = text.lstrip("-+ ").partition(" - ")
    product = sign
    for factor in whole.split("*"):
        matched = _FACTOR.fullmatch(factor.strip())
        if not matched or int(matched[2] or 0) > MAX_EXPONENT:
            return None
        digits = matched[1].replace(",", "")
        lost = _LOST_POWER.fullmatch(digits) if loses_powers and not matched[2] else None
        if lost:
            product *= 10 ** int(lost[1]) if lost[1] else 2 ** int(lost[2])
        else:
            product *= int(digits) ** int(matched[2] or 1)
    if less:
        return product - int(less) if less.isdecimal() else None
    return product
