"""Which examples go through the model together: forward passes filled up to a budget of tokens."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def pack_rows(
    num_tokens: Sequence[int], max_tokens: int, num_workers: int
) -> list[list[list[int]]]:
    """The rows of every worker in every forward pass: `[pass][worker]` lists numbers of rows.

    Every row goes to one worker once, and all workers make the same number of passes, some of them
    empty when there are fewer rows than workers. There are as few passes as the budget allows, they
    are nearly equal in tokens (longest rows first, each to the emptiest place), and the workers of
    a pass are as equal as can be, since they wait for each other. A row above the budget is alone.

    Args:
        num_tokens: of each row.
        max_tokens: of a worker's forward pass.
        num_workers: workers that compute a pass together.
    """
    order = sorted(range(len(num_tokens)), key=lambda row: (-num_tokens[row], row))
    alone = sum(length > max_tokens for length in num_tokens)
    rest = sum(length for length in num_tokens if length <= max_tokens)
    low = max(1, -(-(alone + -(-rest // max_tokens)) // num_workers))
    high = max(low, -(-len(num_tokens) // num_workers))
    while low < high:
        middle = (low + high) // 2
        bins = _spread(order, num_tokens, middle * num_workers)
        if all(_fits(rows, num_tokens, max_tokens) for rows in bins):
            high = middle
        else:
            low = middle + 1
    bins = _spread(order, num_tokens, high * num_workers)
    bins.sort(key=lambda rows: (-sum(num_tokens[row] for row in rows), rows))
    return [bins[i : i + num_workers] for i in range(0, len(bins), num_workers)]


def pack_rectangles(
    shapes: Sequence[tuple[int, int]], max_tokens: int, num_workers: int
) -> list[list[list[int]]]:
    """As `pack_rows`, for examples of some rows that are padded to the longest of a pass: the
    longest examples first, as many as fit, so that those of a pass are of nearly equal length.

    Args:
        shapes: number of rows and tokens of the longest, of each example.
        max_tokens: of a worker's forward pass, padding included.
        num_workers: workers that compute a pass together.
    """
    order = sorted(range(len(shapes)), key=lambda number: (-shapes[number][1], number))
    bins: list[list[int]] = []
    num_rows = longest = 0
    for number in order:
        more, length = shapes[number]
        if not bins or (num_rows + more) * longest > max_tokens:
            bins.append([])
            num_rows, longest = 0, length
        bins[-1].append(number)
        num_rows += more
    # The last pass is for all workers, as far as there are examples for them.
    while len(bins) % num_workers and max(map(len, bins)) > 1:
        fullest = max(range(len(bins)), key=lambda place: len(bins[place]))
        half = len(bins[fullest]) // 2
        bins[fullest : fullest + 1] = [bins[fullest][:half], bins[fullest][half:]]
    bins += [[] for _ in range(-len(bins) % num_workers)]
    return [bins[i : i + num_workers] for i in range(0, len(bins), num_workers)]


def _fits(rows: Sequence[int], num_tokens: Sequence[int], max_tokens: int) -> bool:
    return len(rows) <= 1 or sum(num_tokens[row] for row in rows) <= max_tokens


def _spread(order: Sequence[int], num_tokens: Sequence[int], num_bins: int) -> list[list[int]]:
    bins: list[list[int]] = [[] for _ in range(num_bins)]
    loads = [(0, index) for index in range(num_bins)]
    for row in order:
        load, index = loads[0]
        bins[index].append(row)
        heapq.heapreplace(loads, (load + num_tokens[row], index))
    return bins
