"""Forward passes filled up to a budget of tokens."""

from __future__ import annotations

import random
import time

import pytest

from skeldpo.train.packing import pack_rectangles, pack_rows


def lengths(num_rows: int, seed: int = 0) -> list[int]:
    """Trees of 300 to 4,600 tokens, most of them short: statements and answers of real problems."""
    draw = random.Random(seed)
    return [min(4600, round(draw.lognormvariate(7.0, 0.6)) + 300) for _ in range(num_rows)]


@pytest.mark.parametrize("num_workers", [1, 2, 3, 8])
@pytest.mark.parametrize("num_rows", [1, 2, 5, 64, 501])
def test_every_row_goes_to_one_worker_once_within_the_budget(num_rows, num_workers):
    num_tokens = lengths(num_rows)
    passes = pack_rows(num_tokens, 8192, num_workers)
    assert all(len(shares) == num_workers for shares in passes)
    assert sorted(row for shares in passes for rows in shares for row in rows) == [*range(num_rows)]
    loads = [sum(num_tokens[row] for row in rows) for shares in passes for rows in shares]
    assert max(loads) <= 8192


@pytest.mark.parametrize("num_workers", [1, 2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_packing_wastes_under_5_percent_of_tokens(num_workers, seed):
    """Waste: what a worker's row is padded to (128), and what it waits for a longer one."""
    num_tokens = lengths(128, seed)
    passes = pack_rows(num_tokens, 16384, num_workers)
    paid = 0
    for shares in passes:
        longest = max(sum(num_tokens[row] for row in rows) for rows in shares)
        paid += num_workers * -(-longest // 128) * 128
    assert 1 - sum(num_tokens) / paid < 0.05
    assert len(passes) <= sum(num_tokens) / (0.85 * 16384 * num_workers) + 1


def test_row_above_the_budget_is_alone():
    assert pack_rows([10, 500, 10, 10], 100, 1) == [[[1]], [[0, 2, 3]]]


def test_rows_that_fit_only_one_by_one_are_packed_quickly():
    """5,000 rows of 0.6 budgets: the bound from the sum is far below the passes that are needed."""
    started = time.process_time()
    assert len(pack_rows([600] * 5000, 1000, 1)) == 5000
    assert time.process_time() - started < 2.0


def test_fewer_rows_than_workers_leave_empty_places_in_one_pass():
    assert pack_rows([7, 9], 100, 4) == [[[1], [0], [], []]]


@pytest.mark.parametrize("num_workers", [1, 3, 8])
@pytest.mark.parametrize("num_examples", [1, 2, 5, 64, 501])
def test_every_rectangle_goes_to_one_worker_once_within_the_budget(num_examples, num_workers):
    shapes = [(4, length) for length in lengths(num_examples)]
    passes = pack_rectangles(shapes, 32768, num_workers)
    assert all(len(shares) == num_workers for shares in passes)
    found = sorted(row for shares in passes for rows in shares for row in rows)
    assert found == [*range(num_examples)]
    bins = [[shapes[row] for row in rows] for shares in passes for rows in shares if rows]
    areas = [sum(n for n, _ in rows) * max(length for _, length in rows) for rows in bins]
    assert max(areas) <= 32768
    assert passes[0][-1] or num_examples < num_workers, "no worker is idle in a first pass"


@pytest.mark.parametrize("seed", range(3))
def test_rectangles_waste_under_10_percent_of_tokens(seed):
    shapes = [(2, length) for length in lengths(256, seed)]
    passes = pack_rectangles(shapes, 32768, 1)
    paid = 0
    for ((*rows,),) in passes:
        paid += sum(shapes[row][0] for row in rows) * max(shapes[row][1] for row in rows)
    assert 1 - sum(n * length for n, length in shapes) / paid < 0.1


def test_rectangle_above_the_budget_is_alone():
    assert pack_rectangles([(2, 10), (4, 500), (2, 9)], 100, 1) == [[[1]], [[0, 2]]]
