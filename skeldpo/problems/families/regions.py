"""Families about connected parts of grids and graphs: each cell or edge seen once against repeated
searches through lists.

Every program collects `sizes`, the sizes of the parts; RESULT stands for what is asked of them.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_SIDES = "((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1))"
_AROUND = "[(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]"

_GRID_FAST = (
    """\
def $fn($a):
    left = {(r, c) for r, row in enumerate($a) for c, x in enumerate(row) if x == 1}
    sizes = []
    while left:
        stack = [left.pop()]
        size = 0
        while stack:
            r, c = stack.pop()
            size += 1
            for cell in NEIGHBOURS:
                if cell in left:
                    left.remove(cell)
                    stack.append(cell)
        sizes.append(size)
    return RESULT
""",
    """\
def $fn($a):
    land = [(r, c) for r, row in enumerate($a) for c, x in enumerate(row) if x == 1]
    seen = {cell: False for cell in land}
    sizes = []
    for first in land:
        if not seen[first]:
            seen[first] = True
            queue = [first]
            for r, c in queue:
                for cell in NEIGHBOURS:
                    if not seen.get(cell, True):
                        seen[cell] = True
                        queue.append(cell)
            sizes.append(len(queue))
    return RESULT
""",
)
_GRID_SLOW = (
    """\
def $fn($a):
    left = [(r, c) for r, row in enumerate($a) for c, x in enumerate(row) if x == 1]
    sizes = []
    while left:
        stack = [left.pop()]
        size = 0
        while stack:
            r, c = stack.pop()
            size += 1
            for cell in NEIGHBOURS:
                if cell in left:
                    left.remove(cell)
                    stack.append(cell)
        sizes.append(size)
    return RESULT
""",
    """\
def $fn($a):
    land = [(r, c) for r, row in enumerate($a) for c, x in enumerate(row) if x == 1]
    seen = []
    sizes = []
    for first in land:
        if first not in seen:
            seen.append(first)
            queue = [first]
            for r, c in queue:
                for cell in NEIGHBOURS:
                    if cell in land and cell not in seen:
                        seen.append(cell)
                        queue.append(cell)
            sizes.append(len(queue))
    return RESULT
""",
)


def _grid(
    name: str,
    parts: tuple[str, str],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    def fill(text: str) -> str:
        neighbours, result = parts
        return text.replace("NEIGHBOURS", neighbours).replace("RESULT", result)

    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(fill(text) for text in _GRID_FAST),
        slow=tuple(fill(text) for text in _GRID_SLOW),
        tests=tests,
    )


_MAP = [[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]

_GRID_REGIONS = Family(
    name="grid_regions",
    topic="grids",
    difficulty="medium",
    entry_points=("grid_regions", "islands", "land_areas", "solve_islands"),
    parameters=(("grid", "board", "area", "field"),),
    variations=(
        _grid(
            "count",
            (_SIDES, "len(sizes)"),
            (
                "`$a` is a grid of 0 and 1. Count the islands, that is, groups of 1s connected "
                "up, down, left or right; an empty grid has none.",
                "How many separate regions of 1s does the 0/1 grid `$a` have? Cells belong "
                "together when they share a side, not merely a corner.",
                "Return the number of connected groups of cells with value 1 in `$a`, where only "
                "horizontal and vertical neighbours are connected.",
                "Given the rows `$a` of a map (1 is land, 0 is water), find out how many islands "
                "there are; diagonal contact does not join land.",
                "Two 1s of the grid `$a` are joined if they touch along an edge. Return how many "
                "connected pieces the 1s form, 0 if there are no 1s.",
            ),
            (([_MAP], 4), ([[]], 0), ([[[0]]], 0), ([[[1]]], 1), ([[[1, 1], [1, 1]]], 1)),
        ),
        _grid(
            "largest",
            (_SIDES, "max(sizes, default=0)"),
            (
                "`$a` is a grid of 0 and 1. Return the number of cells of the largest group of 1s "
                "connected up, down, left or right; 0 if there is none.",
                "What is the area of the biggest region of 1s in the 0/1 grid `$a`? Cells belong "
                "together when they share a side. Return 0 without any 1.",
                "Return the size of the largest connected group of cells with value 1 in `$a`, "
                "where only horizontal and vertical neighbours are connected; 0 for none.",
                "Given the rows `$a` of a map (1 is land, 0 is water), how many cells does the "
                "largest island have? Diagonals do not join; no land gives 0.",
                "Two 1s of the grid `$a` are joined if they touch along an edge. Find the maximum "
                "number of cells in one connected piece, or 0.",
            ),
            (([_MAP], 2), ([[]], 0), ([[[0]]], 0), ([[[1]]], 1), ([[[1, 1], [1, 1]]], 4)),
        ),
        _grid(
            "sizes",
            (_SIDES, "sorted(sizes)"),
            (
                "`$a` is a grid of 0 and 1. List in ascending order the sizes of all groups of 1s "
                "connected up, down, left or right.",
                "How large is each region of 1s in the 0/1 grid `$a`? Cells sharing a side belong "
                "together. Return the areas sorted from small to large.",
                "Return the sorted list of the cell counts of all connected groups of 1s in `$a`, "
                "where only horizontal and vertical neighbours are connected.",
                "Given the rows `$a` of a map (1 is land, 0 is water), return the areas of all "
                "islands, smallest first; diagonals do not join land.",
                "Two 1s of the grid `$a` are joined if they touch along an edge. Give the number "
                "of cells of every connected piece in increasing order.",
            ),
            (([_MAP], [1, 1, 1, 2]), ([[]], []), ([[[0]]], []), ([[[1, 1], [1, 1]]], [4])),
        ),
        _grid(
            "diagonal",
            (_AROUND, "len(sizes)"),
            (
                "`$a` is a grid of 0 and 1. Count the groups of 1s, where cells that touch at a "
                "side or at a corner are connected.",
                "How many separate regions of 1s does the 0/1 grid `$a` have if each cell is "
                "joined to all of its up to eight neighbours?",
                "Return the number of connected groups of cells with value 1 in `$a`; horizontal, "
                "vertical and diagonal neighbours are all connected.",
                "Given the rows `$a` of a map (1 is land, 0 is water), find out how many islands "
                "there are when diagonal contact joins land too.",
                "Two 1s of the grid `$a` are joined if their rows and columns differ by at most "
                "one. Return how many connected pieces the 1s form.",
            ),
            (([_MAP], 2), ([[]], 0), ([[[0]]], 0), ([[[1, 0], [0, 1]]], 1), ([[[1, 0, 1]]], 2)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    width = int(size ** 0.5)
    share = rng.choice([0.4, 0.5, 0.55])
    return [[[int(rng.random() < share) for _ in range(width)] for _ in range(size // width)]]
""",
    checker="exact",
    held_out=False,
)

_GRAPH_FAST = (
    """\
def $fn($a, $b):
    graph = [[] for _ in range($a)]
    for u, v in $b:
        graph[u].append(v)
        graph[v].append(u)
    seen = [False] * $a
    sizes = []
    for first in range($a):
        if not seen[first]:
            seen[first] = True
            queue = [first]
            for u in queue:
                for v in graph[u]:
                    if not seen[v]:
                        seen[v] = True
                        queue.append(v)
            sizes.append(len(queue))
    return RESULT
""",
    """\
from collections import Counter

def $fn($a, $b):
    parent = list(range($a))

    def find(u):
        while parent[u] != u:
            parent[u] = parent[parent[u]]
            u = parent[u]
        return u

    for u, v in $b:
        parent[find(u)] = find(v)
    sizes = list(Counter(find(u) for u in range($a)).values())
    return RESULT
""",
)
_GRAPH_SLOW = (
    """\
def $fn($a, $b):
    seen = [False] * $a
    sizes = []
    for first in range($a):
        if not seen[first]:
            seen[first] = True
            queue = [first]
            for node in queue:
                for u, v in $b:
                    if u == node and not seen[v]:
                        seen[v] = True
                        queue.append(v)
                    elif v == node and not seen[u]:
                        seen[u] = True
                        queue.append(u)
            sizes.append(len(queue))
    return RESULT
""",
    """\
def $fn($a, $b):
    group = list(range($a))
    for u, v in $b:
        if group[u] != group[v]:
            x, y = group[u], group[v]
            group = [x if g == y else g for g in group]
    sizes = [group.count(g) for g in set(group)]
    return RESULT
""",
    """\
from collections import Counter

def $fn($a, $b):
    group = list(range($a))
    changed = True
    while changed:
        changed = False
        for u, v in $b:
            if group[u] != group[v]:
                group[u] = group[v] = min(group[u], group[v])
                changed = True
    sizes = list(Counter(group).values())
    return RESULT
""",
)


def _graph(
    name: str, result: str, wordings: tuple[str, ...], tests: tuple[tuple[list, object], ...]
) -> Variation:
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("RESULT", result) for text in _GRAPH_FAST),
        slow=tuple(text.replace("RESULT", result) for text in _GRAPH_SLOW),
        tests=tests,
    )


_EDGES = [[0, 1], [1, 2], [4, 5], [2, 0]]

_GRAPH_PARTS = Family(
    name="graph_parts",
    topic="graphs",
    difficulty="medium",
    entry_points=("graph_parts", "components", "connected_groups", "solve_network"),
    parameters=(("n", "nodes", "num_nodes", "people"), ("edges", "links", "pairs", "friends")),
    variations=(
        _graph(
            "count",
            "len(sizes)",
            (
                "An undirected graph has nodes 0 to `$a` - 1 and edges `$b` as [u, v] pairs. "
                "Return the number of connected components.",
                "How many separate groups do the nodes 0..`$a`-1 form if every pair [u, v] in `$b` "
                "connects u and v? A lone node is a group.",
                "Given `$a` nodes numbered from 0 and undirected links `$b`, count the components; "
                "nodes without any link count as one each.",
                "Nodes 0 to `$a` - 1 belong together when a chain of pairs from `$b` joins them. "
                "Return how many groups there are; 0 nodes give 0.",
                "Count the connected parts of the undirected graph with `$a` nodes (named 0, 1, "
                "...) whose edges [u, v] are listed in `$b`.",
            ),
            (([7, _EDGES], 4), ([0, []], 0), ([1, []], 1), ([2, [[0, 1], [1, 0]]], 1)),
        ),
        _graph(
            "largest",
            "max(sizes, default=0)",
            (
                "An undirected graph has nodes 0 to `$a` - 1 and edges `$b` as [u, v] pairs. "
                "Return the number of nodes in its largest connected component, 0 without nodes.",
                "How many members has the biggest group of the nodes 0..`$a`-1 if every pair [u, "
                "v] in `$b` connects u and v? Return 0 for no nodes.",
                "Given `$a` nodes numbered from 0 and undirected links `$b`, find the size of the "
                "largest component; it is 0 if there are no nodes.",
                "Nodes 0 to `$a` - 1 belong together when a chain of pairs from `$b` joins them. "
                "Return the greatest number of nodes that belong together.",
                "Find the maximum node count over the connected parts of the undirected graph with "
                "`$a` nodes (named 0, 1, ...) and edges [u, v] from `$b`.",
            ),
            (([7, _EDGES], 3), ([0, []], 0), ([1, []], 1), ([4, [[3, 1], [0, 2]]], 2)),
        ),
        _graph(
            "sizes",
            "sorted(sizes)",
            (
                "An undirected graph has nodes 0 to `$a` - 1 and edges `$b` as [u, v] pairs. "
                "Return the node counts of its connected components in ascending order.",
                "List from small to large how many members each group of the nodes 0..`$a`-1 has "
                "if every pair [u, v] in `$b` connects u and v.",
                "Given `$a` nodes numbered from 0 and undirected links `$b`, return the sorted "
                "sizes of all components; a lone node is a component of size 1.",
                "Nodes 0 to `$a` - 1 belong together when a chain of pairs from `$b` joins them. "
                "Return the sizes of all groups, smallest first.",
                "For the undirected graph with `$a` nodes (named 0, 1, ...) and edges [u, v] from "
                "`$b`, give the increasing list of the sizes of its connected parts.",
            ),
            (([7, _EDGES], [1, 1, 2, 3]), ([0, []], []), ([1, []], [1]), ([2, [[1, 0]]], [2])),
        ),
        _graph(
            "pairs",
            "sum(s * (s - 1) // 2 for s in sizes)",
            (
                "An undirected graph has nodes 0 to `$a` - 1 and edges `$b` as [u, v] pairs. "
                "Count the unordered pairs of different nodes that a path connects.",
                "How many pairs of two different nodes among 0..`$a`-1 lie in the same group if "
                "every pair [u, v] in `$b` connects u and v? Ignore order.",
                "Given `$a` nodes numbered from 0 and undirected links `$b`, return the number of "
                "node pairs i < j for which j can be reached from i.",
                "Nodes 0 to `$a` - 1 belong together when a chain of pairs from `$b` joins them. "
                "Return how many pairs i < j belong together.",
                "In the undirected graph with `$a` nodes (named 0, 1, ...) and edges [u, v] from "
                "`$b`, count the pairs i < j inside one connected part.",
            ),
            (([7, _EDGES], 4), ([0, []], 0), ([1, []], 0), ([4, [[3, 1], [1, 2]]], 3)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    nodes = list(range(size))
    rng.shuffle(nodes)
    cuts = {rng.randrange(size) for _ in range(rng.randint(2, 9))}
    edges = [[nodes[i], nodes[i + 1]] for i in range(size - 1) if i not in cuts]
    edges += [list(rng.choice(edges)) for _ in range(size // 8) if edges]
    rng.shuffle(edges)
    return [size, edges]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_GRID_REGIONS, _GRAPH_PARTS)
