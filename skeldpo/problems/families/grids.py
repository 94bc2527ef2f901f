"""Families about grids of integers: tables prepared once against work repeated for every question.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_SUMS_FAST = (
    """\
def $fn($a, $b):
    width = len($a[0])
    prefix = [[0] * (width + 1)]
    for row in $a:
        line = [0]
        total = 0
        for c in range(width):
            total += row[c]
            line.append(total + prefix[-1][c + 1])
        prefix.append(line)
    sums = []
    for r1, c1, r2, c2 in $b:
        below, above = prefix[ROW_END], prefix[r1]
        sums.append(below[COL_END] - below[c1] - above[COL_END] + above[c1])
    return RESULT
""",
    """\
from itertools import accumulate

def $fn($a, $b):
    prefix = [[0] * (len($a[0]) + 1)]
    for row in $a:
        line = accumulate(row, initial=0)
        prefix.append([x + y for x, y in zip(line, prefix[-1])])
    sums = []
    for r1, c1, r2, c2 in $b:
        total = prefix[ROW_END][COL_END] - prefix[ROW_END][c1]
        sums.append(total - prefix[r1][COL_END] + prefix[r1][c1])
    return RESULT
""",
)
_SUMS_SLOW = (
    """\
def $fn($a, $b):
    sums = []
    for r1, c1, r2, c2 in $b:
        total = 0
        for r in range(r1, ROW_END):
            for c in range(c1, COL_END):
                total += $a[r][c]
        sums.append(total)
    return RESULT
""",
    """\
def $fn($a, $b):
    sums = []
    for r1, c1, r2, c2 in $b:
        sums.append(sum(x for row in $a[r1:ROW_END] for x in row[c1:COL_END]))
    return RESULT
""",
    """\
def $fn($a, $b):
    sums = []
    for r1, c1, r2, c2 in $b:
        total = 0
        for row in $a[r1:ROW_END]:
            total += sum(row[c1:COL_END])
        sums.append(total)
    return RESULT
""",
)


def _sums(
    name: str,
    parts: tuple[str, str, str],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    def fill(text: str) -> str:
        row_end, col_end, result = parts
        text = text.replace("ROW_END", row_end).replace("COL_END", col_end)
        return text.replace("RESULT", result)

    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(fill(text) for text in _SUMS_FAST),
        slow=tuple(fill(text) for text in _SUMS_SLOW),
        tests=tests,
    )


_CLOSED = ("r2 + 1", "c2 + 1")
_GRID = [[1, 2, 3], [4, -5, 6], [7, 8, -9]]

_RECTANGLE_SUMS = Family(
    name="rectangle_sums",
    topic="grids",
    difficulty="medium",
    entry_points=("rectangle_sums", "region_sums", "area_totals", "solve_rectangles"),
    parameters=(
        ("grid", "matrix", "table", "rows"),
        ("queries", "rectangles", "areas", "boxes"),
    ),
    variations=(
        _sums(
            "closed",
            (*_CLOSED, "sums"),
            (
                "For each [r1, c1, r2, c2] in `$b` return the sum of the cells of the non-empty "
                "grid `$a` in rows r1..r2 and columns c1..c2, ends included.",
                "`$a` is a non-empty table of integers. Each item [r1, c1, r2, c2] of `$b` names a "
                "rectangle by two inclusive corners; return the list of their sums.",
                "Return one total per entry [r1, c1, r2, c2] of `$b`, in order: all `$a`[r][c] "
                "with r1 <= r <= r2 and c1 <= c <= c2 added up.",
                "Given a non-empty integer matrix `$a` and rectangles `$b` as [r1, c1, r2, c2] "
                "with both corners inside, list the sum of every rectangle in order.",
                "Answer the range questions `$b` about matrix `$a`: [r1, c1, r2, c2] asks for the "
                "sum over rows r1 to r2 and columns c1 to c2, both inclusive.",
            ),
            (
                ([_GRID, [[0, 0, 2, 2], [1, 1, 1, 1]]], [17, -5]),
                ([_GRID, []], []),
                ([[[5]], [[0, 0, 0, 0], [0, 0, 0, 0]]], [5, 5]),
                ([_GRID, [[0, 1, 1, 2], [2, 0, 2, 2]]], [6, 6]),
            ),
        ),
        _sums(
            "half_open",
            ("r2", "c2", "sums"),
            (
                "For each [r1, c1, r2, c2] in `$b` return the sum of the cells of the non-empty "
                "grid `$a` with r1 <= row < r2 and c1 <= column < c2.",
                "`$a` is a non-empty table of integers. Each [r1, c1, r2, c2] in `$b` covers rows "
                "r1 to r2 - 1 and columns c1 to c2 - 1; return the list of sums.",
                "Return one total per entry [r1, c1, r2, c2] of `$b`, in order, over `$a`[r][c] "
                "where row r2 and column c2 are left out; an empty area gives 0.",
                "Given a non-empty integer matrix `$a` and half-open rectangles `$b` written [r1, "
                "c1, r2, c2] (r2 and c2 excluded), list the sum of every rectangle.",
                "Answer the range questions `$b` about matrix `$a`: [r1, c1, r2, c2] asks for the "
                "sum from row r1 up to but without r2, columns likewise from c1 to c2.",
            ),
            (
                ([_GRID, [[0, 0, 3, 3], [1, 1, 2, 2]]], [17, -5]),
                ([_GRID, []], []),
                ([[[5]], [[0, 0, 1, 1], [0, 0, 0, 0]]], [5, 0]),
                ([_GRID, [[0, 1, 2, 3], [2, 0, 3, 1], [1, 2, 1, 3]]], [6, 7, 0]),
            ),
        ),
        _sums(
            "largest",
            (*_CLOSED, "max(sums, default=0)"),
            (
                "Each [r1, c1, r2, c2] in `$b` selects rows r1..r2 and columns c1..c2 of the "
                "non-empty grid `$a`, ends included. Return the largest sum, 0 without any.",
                "`$a` is a non-empty table of integers and `$b` holds rectangles [r1, c1, r2, c2] "
                "with inclusive corners. Return the greatest rectangle sum, or 0 if `$b` is empty.",
                "Add up the cells of `$a` for every inclusive rectangle [r1, c1, r2, c2] in `$b` "
                "and give back the maximum of these sums (0 for an empty `$b`).",
                "Given a non-empty integer matrix `$a`, which sum is the highest among the areas "
                "[r1, c1, r2, c2] of `$b`, ends inclusive? Return it, or 0 for no areas.",
                "Among the questions `$b`, where [r1, c1, r2, c2] means rows r1 to r2 and columns "
                "c1 to c2 of `$a` inclusive, return the biggest sum; 0 if `$b` is empty.",
            ),
            (
                ([_GRID, [[0, 0, 2, 2], [1, 1, 1, 1]]], 17),
                ([_GRID, []], 0),
                ([[[-5]], [[0, 0, 0, 0]]], -5),
                ([_GRID, [[0, 0, 0, 2], [2, 0, 2, 1]]], 15),
            ),
        ),
        _sums(
            "negative",
            (*_CLOSED, "len([x for x in sums if x < 0])"),
            (
                "Each [r1, c1, r2, c2] in `$b` selects rows r1..r2 and columns c1..c2 of the "
                "non-empty grid `$a`, ends included. Count those with a sum below 0.",
                "`$a` is a non-empty table of integers and `$b` holds rectangles [r1, c1, r2, c2] "
                "with inclusive corners. How many of them have a negative sum?",
                "Add up the cells of `$a` for every inclusive rectangle [r1, c1, r2, c2] in `$b` "
                "and return how many of these sums are less than zero.",
                "Given a non-empty integer matrix `$a`, return the number of areas [r1, c1, r2, "
                "c2] in `$b` (both ends inclusive) whose cells sum to a negative number.",
                "Among the questions `$b`, where [r1, c1, r2, c2] means rows r1 to r2 and columns "
                "c1 to c2 of `$a` inclusive, count the sums smaller than 0.",
            ),
            (
                ([_GRID, [[0, 0, 2, 2], [1, 1, 1, 1]]], 1),
                ([_GRID, []], 0),
                ([[[0]], [[0, 0, 0, 0]]], 0),
                ([_GRID, [[1, 1, 2, 2], [1, 1, 1, 1], [2, 2, 2, 2], [1, 0, 1, 1]]], 3),
            ),
        ),
    ),
    generator="""\
import math
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    side = math.isqrt(size)
    grid = [[rng.randint(-9, 9) for _ in range(side)] for _ in range(side)]
    near, far = (side - 1) // 4, 3 * side // 4
    queries = []
    for _ in range(size // 3 + 1):
        r1, c1 = rng.randint(0, near), rng.randint(0, near)
        queries.append([r1, c1, rng.randint(far, side - 1), rng.randint(far, side - 1)])
    return [grid, queries]
""",
    checker="exact",
    held_out=False,
)

_SADDLE_FAST = (
    """\
def $fn($a):
    row_best = [ROW_PICK(row) for row in $a]
    col_best = [COL_PICK(col) for col in zip(*$a)]
    found = []
    for r in range(len($a)):
        for c in range(len($a[r])):
            if $a[r][c] == row_best[r] and $a[r][c] == col_best[c]:
                found.append([r, c])
    return RESULT
""",
    """\
def $fn($a):
    col_best = [COL_PICK(col) for col in zip(*$a)]
    found = []
    for r, row in enumerate($a):
        best = ROW_PICK(row)
        for c, x in enumerate(row):
            if x == best and x == col_best[c]:
                found.append([r, c])
    return RESULT
""",
)
_SADDLE_SLOW = (
    """\
def $fn($a):
    found = []
    for r in range(len($a)):
        for c in range(len($a[r])):
            row_best = ROW_PICK($a[r])
            col_best = COL_PICK([row[c] for row in $a])
            if $a[r][c] == row_best and $a[r][c] == col_best:
                found.append([r, c])
    return RESULT
""",
    """\
def $fn($a):
    found = []
    for r, row in enumerate($a):
        for c, x in enumerate(row):
            if x == COL_PICK(line[c] for line in $a) and x == ROW_PICK(row):
                found.append([r, c])
    return RESULT
""",
    """\
def $fn($a):
    found = []
    for r, row in enumerate($a):
        for c, x in enumerate(row):
            if x == ROW_PICK(row) and x == COL_PICK(line[c] for line in $a):
                found.append([r, c])
    return RESULT
""",
)


def _saddle(
    name: str,
    parts: tuple[str, str, str],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    def fill(text: str) -> str:
        row_pick, col_pick, result = parts
        text = text.replace("ROW_PICK", row_pick).replace("COL_PICK", col_pick)
        return text.replace("RESULT", result)

    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(fill(text) for text in _SADDLE_FAST),
        slow=tuple(fill(text) for text in _SADDLE_SLOW),
        tests=tests,
    )


_SADDLE_CELLS = Family(
    name="saddle_cells",
    topic="grids",
    difficulty="medium",
    entry_points=("saddle_cells", "special_cells", "find_cells", "solve_cells"),
    parameters=(("grid", "matrix", "table", "cells"),),
    variations=(
        _saddle(
            "list",
            ("max", "min", "found"),
            (
                "List the positions [row, column] in the grid `$a` whose value is the largest of "
                "its row and the smallest of its column, row by row; ties count.",
                "A cell of matrix `$a` is a saddle if nothing in its row is larger and nothing in "
                "its column is smaller. Return all as [row, column], row by row.",
                "Return every [r, c] for which `$a`[r][c] equals both the maximum of row r and the "
                "minimum of column c, sorted by r and then c.",
                "Given a rectangular grid `$a` (maybe empty), find each cell that is a maximum of "
                "its row and a minimum of its column; return sorted [row, column] pairs.",
                "Which cells of `$a` are equal to the greatest value in their row and to the least "
                "in their column? Give the ascending list of [row, column].",
            ),
            (
                ([[[1, 2], [3, 4]]], [[0, 1]]),
                ([[]], []),
                ([[[7]]], [[0, 0]]),
                ([[[1, 1], [1, 1]]], [[0, 0], [0, 1], [1, 0], [1, 1]]),
                ([[[1, 3], [4, 2]]], []),
            ),
        ),
        _saddle(
            "peaks",
            ("max", "max", "len(found)"),
            (
                "Count the cells of the grid `$a` whose value is the largest of its row and also "
                "the largest of its column; ties count.",
                "A cell of matrix `$a` is a peak if no value in its row or its column is larger. "
                "Return the number of peaks.",
                "For how many [r, c] does `$a`[r][c] equal both the maximum of row r and the "
                "maximum of column c?",
                "Given a rectangular grid `$a` (maybe empty), return how many cells are a maximum "
                "of their row and of their column, ties allowed.",
                "How many entries of the table `$a` are equal to the greatest value of their row "
                "and to the greatest of their column? Return 0 for an empty table.",
            ),
            (
                ([[[1, 2], [3, 4]]], 1),
                ([[]], 0),
                ([[[7]]], 1),
                ([[[1, 1], [1, 1]]], 4),
                ([[[1, 3], [4, 2]]], 2),
            ),
        ),
        _saddle(
            "sum",
            ("min", "max", "sum($a[r][c] for r, c in found)"),
            (
                "Add up the values of all cells of the grid `$a` that are the smallest of their "
                "row and the largest of their column; ties count.",
                "In matrix `$a`, take each cell with nothing smaller in its row and nothing larger "
                "in its column. Return the sum of their values, 0 without any.",
                "Return the sum of `$a`[r][c] over every position where it equals both the minimum "
                "of row r and the maximum of column c.",
                "Given a rectangular grid `$a` (maybe empty), sum the cells that are a minimum of "
                "their row and a maximum of their column, ties allowed.",
                "What do the entries of `$a` total that are equal to the least value of their row "
                "and the greatest of their column? Return 0 if none.",
            ),
            (
                ([[[1, 2], [3, 4]]], 3),
                ([[]], 0),
                ([[[7]]], 7),
                ([[[-1, -1], [-1, -1]]], -4),
                ([[[1, 3], [4, 2]]], 0),
            ),
        ),
    ),
    generator="""\
import math
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    side = math.isqrt(size)
    steps = rng.randint(3, 9)
    heights = [rng.randint(0, steps) for _ in range(side)]
    slopes = [rng.randint(0, steps) for _ in range(side)]
    grid = [[x + y for y in slopes] for x in heights]
    for _ in range(side // 2):
        r, c = rng.randrange(side), rng.randrange(side)
        grid[r][c] += rng.randint(-1, 1)
    return [grid]
""",
    checker="exact",
    held_out=True,
)

FAMILIES: tuple[Family, ...] = (_RECTANGLE_SUMS, _SADDLE_CELLS)
