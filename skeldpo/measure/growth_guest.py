"""Grows the arguments of a test; runs in the sandbox, as a generator of inputs.

`skeldpo.measure.grown` writes SPEC, WAY and `contract` behind it. Cost may depend on
duplicates, order and the lengths of rows or words, so there is a WAY for each to grow; what SPEC
says of an argument (`skeldpo.problems.growth`) holds in all of them.
"""

import math
import random

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would cost every run a millisecond
    from typing import Any

SPEC: "Any" = {}
WAY = ""


def contract(*arguments: "Any") -> "Any":
    """Raises where the problem takes no such arguments."""


def generate_input(size: "Any", seed: "Any") -> "Any":
    bases = SPEC["bases"]
    why = ""
    first = int(random.Random(seed).random() ** 3 * len(bases))  # mostly the longest
    for place in range(len(bases)):
        rng = random.Random(f"{seed} {place}")
        base = bases[(place + first) % len(bases)]
        try:
            made = _arguments(base, size, rng)
            contract(*made)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            continue
        return made
    raise ValueError(f"no input of this size is allowed: {why}")


def _arguments(base: "Any", size: "Any", rng: "Any") -> "Any":
    """The arguments of a base, about `size` long."""
    facts = SPEC["arguments"]
    is_lone = not any(_is_sized(value, place) for place, value in enumerate(base))
    made = list(base)
    counts = {}
    for place, value in enumerate(base):
        if _is_sized(value, place):
            length = _length(value, facts[place], size)
            linked = facts[place].get("same_length") or ()
            lengths = [len(made[other]) for other in linked]
            counts[place] = lengths[0] if lengths else length
            linked_max = [
                _length(base[other], facts[other], size)
                for other in range(len(base))
                if place in (facts[other].get("same_length") or ())
            ]
            counts[place] = min([counts[place], *linked_max])
            made[place] = _grown(value, facts[place], counts[place], rng)
    for place, value in enumerate(base):
        if type(value) is int:
            made[place] = _number(base, made, place, size, rng)
            labels = facts[place].get("labels_of")
            if labels:
                made[place], made[labels[0]] = _labelled(
                    value, base[labels[0]], made[labels[0]], labels[1], facts[labels[0]], rng
                )
        elif type(value) is float and is_lone:
            made[place] = value * max(1, size // 64) if WAY == "scalars" else value
    return made


def _is_sized(value: "Any", place: "Any") -> "Any":
    if isinstance(value, str):
        return SPEC["arguments"][place].get("is_text", len(value) > 1)
    return isinstance(value, (list, tuple, dict, set, frozenset))


def _length(value: "Any", facts: "Any", size: "Any") -> "Any":
    if facts.get("is_fixed"):
        return len(value)
    return max(1, min(size, facts.get("max_length", size)))


def _number(base: "Any", made: "Any", place: "Any", size: "Any", rng: "Any") -> "Any":
    """What becomes of a number, once the lists and strings are `made`."""
    value, facts = base[place], SPEC["arguments"][place]
    sized = [other for other, item in enumerate(base) if _is_sized(item, other)]
    longest = max([len(base[other]) for other in sized], default=0)
    grown_to = max([len(made[other]) for other in sized], default=0)
    low, high = facts.get("low"), facts.get("high")
    if facts.get("length_of"):
        other, offset = facts["length_of"]
        return len(made[other]) + offset
    if not longest:
        number = max(1, abs(value)) * max(1, size) // 8
        number = max(2, number - rng.randrange(max(1, number // 8)))
        if high is not None and number > high:
            number = max(low or 1, high - rng.randrange(max(1, high // 8)))
        elif WAY in ("stretch", "cycle", "distinct"):
            number = _next_prime(number, high)
        return -number if value < 0 else number
    if WAY == "fixed":
        return value
    if WAY == "scalars":
        number = max(1, size // 2)
    elif 0 < value <= longest:
        number = max(1, value * grown_to // longest)
    else:
        return value
    return number if high is None else min(number, high)


def _next_prime(number: "Any", high: "Any") -> "Any":
    if number > 10**10:
        return number
    found = number
    while any(found % divisor == 0 for divisor in range(2, math.isqrt(found) + 1)):
        found += 1
    return number if high is not None and found > high else found


def _labelled(
    value: "Any", base: "Any", rows: "Any", offset: "Any", facts: "Any", rng: "Any"
) -> "Any":
    """A number of nodes for a list of rows that name them, and the rows with such names."""
    if facts.get("tree") is not None:
        return len(rows) + 1, rows
    count = max(2, value * len(rows) // max(1, len(base)))
    column = 2 if facts.get("shape") == "records" else MANY
    made = []
    for row in rows:
        ends = [item for item in row[:column] if type(item) is int]
        names = (
            rng.sample(range(count), len(ends))
            if len(ends) <= count
            else [rng.randrange(count) for _ in ends]
        )
        names = [name + offset for name in (sorted(names) if facts.get("row_order") else names)]
        made.append(type(row)([*names, *row[len(names) :]]))
    if facts.get("is_distinct"):
        made = list({tuple(row): row for row in made}.values())
    return count, type(rows)(sorted(made) if facts.get("order") else made)


MANY = 1 << 30


def _grown(value: "Any", facts: "Any", size: "Any", rng: "Any") -> "Any":
    if facts.get("is_fixed"):
        return value
    if isinstance(value, str):
        return _text(value, size, rng)
    if isinstance(value, dict):
        return _dict(value, size)
    if isinstance(value, (set, frozenset)):
        return type(value)(_list(sorted(value), facts | {"is_distinct": True}, size, rng))
    return type(value)(_list(list(value), facts, size, rng))


def _dict(value: "Any", size: "Any") -> "Any":
    if not value:
        return value
    rounds = max(1, size // len(value))
    made = dict(value)
    for step in range(1, rounds):
        for key, item in value.items():
            made[key + str(step) if isinstance(key, str) else key + step * 1000] = item
    return made


def _list(items: "Any", facts: "Any", size: "Any", rng: "Any") -> "Any":
    items = items or [1, 2, 3]
    if all(isinstance(item, (list, tuple)) for item in items):
        made = _rows(items, facts, size, rng)
    elif all(type(item) is int for item in items):
        return _ints(items, facts, size, rng)
    elif all(type(item) is str for item in items):
        made = _words(items, facts, size, rng)
    elif facts.get("is_distinct") and all(type(item) in (int, float) for item in items):
        made = [item + step for step in range(size // len(items) + 1) for item in items][:size]
    else:
        made = [items[rng.randrange(len(items))] for _ in range(size)]
    return _ordered(made, facts.get("order"))


def _ordered(items: "Any", order: "Any") -> "Any":
    if not order:
        return items
    return sorted(items, reverse=order < 0)


def _ints(items: "Any", facts: "Any", size: "Any", rng: "Any") -> "Any":
    low = facts.get("low", min(items))
    high = facts.get("high")
    if (low, high) == (0, 1):
        items = [0, 1]
    if facts.get("is_parents"):
        return [-1] + [rng.randrange(max(0, i - 8), i) for i in range(1, size)]
    if "permutation" in facts:
        made = list(range(facts["permutation"], facts["permutation"] + size))
        rng.shuffle(made)
        return made
    if "places" in facts and WAY != "cycle":
        start = facts["places"]
        made = [start + rng.randrange(size) for _ in range(size)]
    elif facts.get("is_distinct") or WAY in ("distinct", "sorted"):
        low = min(items) if high is None or min(items) + size <= high else low
        if high is not None:
            size = min(size, high - low + 1) if facts.get("is_distinct") else size
        span = size if high is None else max(1, min(size, high - low + 1))
        made = [low + step % span for step in range(size)]
        if WAY != "sorted":
            rng.shuffle(made)
    elif WAY == "square":
        top = max(items) if high is None else high
        top = top if top - low >= 4 or high is not None else low + 3
        made = [rng.randint(min(low, top), top) for _ in range(size)]
    else:
        made = [items[rng.randrange(len(items))] for _ in range(size)]
    order = facts.get("order")
    if WAY == "sorted":
        order = order or 1
    return _ordered(made, order)


def _words(items: "Any", facts: "Any", size: "Any", rng: "Any") -> "Any":
    letters = "".join(items) or "ab"
    is_text = any(len(item) > 1 for item in items)
    if WAY == "square" and is_text:
        side = max(1, math.isqrt(size))
        return ["".join(rng.choice(letters) for _ in range(side)) for _ in range(side)]
    if facts.get("is_distinct") and is_text or WAY in ("distinct", "sorted"):
        if facts.get("has_equal_words") or not is_text or WAY == "cycle":
            width = len(items[0])
            made = ["".join(rng.choice(letters) for _ in range(width)) for _ in range(size)]
            made = list(dict.fromkeys(made)) if facts.get("is_distinct") else made
        else:
            made = [
                items[i % len(items)] + "".join(rng.choice(letters) for _ in range(1 + i % 8))
                for i in range(size)
            ]
            made = list(dict.fromkeys(made)) if facts.get("is_distinct") else made
        return sorted(made) if WAY == "sorted" else made
    return [items[rng.randrange(len(items))] for _ in range(size)]


def _rows(items: "Any", facts: "Any", size: "Any", rng: "Any") -> "Any":
    kind = type(items[0])
    shape = facts.get("shape")
    inner = {key: facts[key] for key in ("low", "high") if key in facts}
    inner["order"] = facts.get("row_order")
    width = facts.get("max_inner_length", size)
    is_graph = facts.get("places") == 0  # neighbours by place
    if shape in ("square", "matrix") or (shape is None and WAY == "square" and not is_graph):
        side = max(1, math.isqrt(size))
        height = side
        if shape == "matrix" and facts.get("max_inner_length", side) < side:
            side = facts["max_inner_length"]
            height = max(1, size // side)
        rows = [items[i % len(items)] for i in range(height)]
        return [kind(_list(list(row), inner, side, rng)) for row in rows]
    if shape == "records":
        return _records(items, facts, size, rng)
    if WAY == "scalars":
        return [kind(_list(list(row), inner, min(size, width), rng)) for row in items]
    rows = [items[rng.randrange(len(items))] for _ in range(size)]
    if is_graph:
        return [kind(sorted({rng.randrange(size) for _ in row})) for row in rows]
    if WAY in ("distinct", "sorted"):
        side = max(1, math.isqrt(size))
        rows = [items[i % len(items)] for i in range(side)]
        return [
            kind(_list(list(row), inner, min(width, rng.randint(1, 2 * side)), rng)) for row in rows
        ]
    return [kind(row) for row in rows]


def _records(items: "Any", facts: "Any", size: "Any", rng: "Any") -> "Any":
    kind = type(items[0])
    start = facts.get("tree")
    if start is not None:
        made = []
        for i in range(1, size + 1):
            row = list(items[rng.randrange(len(items))])
            far = i if WAY in ("distinct", "square") else 1 if WAY == "sorted" else 8
            row[:2] = [start + rng.randrange(max(0, i - far), i), start + i]
            made.append(kind(row))
        if WAY != "sorted":
            rng.shuffle(made)
        return made
    is_distinct = facts.get("is_distinct")
    columns = list(zip(*items, strict=True))
    made = []
    for _ in range(size):
        row = [column[rng.randrange(len(column))] for column in columns]
        if WAY == "cycle" and not is_distinct:
            row = list(items[rng.randrange(len(items))])
        elif all(type(item) is int for item in row):
            is_near = WAY == "fixed" and not is_distinct
            low = facts.get("low", min(map(min, items)))
            top = facts.get("high", max(map(max, items)) if is_near else low + 4 * size)
            row = [rng.randint(min(low, top), top) for _ in row]
            if facts.get("is_row_distinct") and len(set(row)) < len(row):
                row = [low + (row[0] - low + step) % max(1, top - low + 1) for step in
                       range(len(row))]  # fmt: skip
        made.append(kind(_ordered(row, facts.get("row_order"))))
    if is_distinct:
        made = list(dict.fromkeys(map(tuple, made)))
        made = [kind(row) for row in made]
    return made


def _text(text: "Any", size: "Any", rng: "Any") -> "Any":
    text = text or "ab c"
    if WAY == "stretch":  # longer words, as many of them; quotes and separators as they are
        times = max(1, size // len(text))
        return "".join(letter * times if letter.isalpha() else letter for letter in text)
    if WAY == "cycle":
        return (text * (size // len(text) + 1))[:size]
    if WAY in ("distinct", "square"):
        return "".join(rng.choice(text) for _ in range(size))
    if WAY == "sorted":
        return "".join(sorted(rng.choice(text) for _ in range(size)))
    return (text + text[-1] * size)[:size]
