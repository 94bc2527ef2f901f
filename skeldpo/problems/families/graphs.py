"""Families about directed and undirected graphs: adjacency lists and counts against scanning all
edges again and again.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_BFS_FAST = (
    """\
from collections import deque

def $fn($a, $b, $c):
    graph = [[] for _ in range($a)]
    for u, v in ARCS:
        graph[u].append(v)
    dist = [-1] * $a
    dist[$c] = 0
    queue = deque([$c])
    while queue:
        u = queue.popleft()
        for v in graph[u]:
            if dist[v] == -1:
                dist[v] = dist[u] + 1
                queue.append(v)
    return RESULT
""",
    """\
def $fn($a, $b, $c):
    graph = [[] for _ in range($a)]
    for u, v in ARCS:
        graph[u].append(v)
    dist = [-1] * $a
    level = 0
    layer = [$c]
    while layer:
        after = []
        for u in layer:
            if dist[u] == -1:
                dist[u] = level
                after.extend(graph[u])
        layer = after
        level += 1
    return RESULT
""",
)
_BFS_SLOW = (
    """\
def $fn($a, $b, $c):
    arcs = ARCS
    dist = [-1] * $a
    dist[$c] = 0
    changed = True
    while changed:
        changed = False
        for u, v in arcs:
            if dist[u] != -1 and (dist[v] == -1 or dist[v] > dist[u] + 1):
                dist[v] = dist[u] + 1
                changed = True
    return RESULT
""",
    """\
def $fn($a, $b, $c):
    arcs = ARCS
    dist = [-1] * $a
    dist[$c] = 0
    queue = [$c]
    for node in queue:
        for u, v in arcs:
            if u == node and dist[v] == -1:
                dist[v] = dist[u] + 1
                queue.append(v)
    return RESULT
""",
    """\
def $fn($a, $b, $c):
    arcs = ARCS
    dist = [-1] * $a
    dist[$c] = 0
    level = 0
    while level in dist:
        for u, v in arcs:
            if dist[u] == level and dist[v] == -1:
                dist[v] = level + 1
        level += 1
    return RESULT
""",
)


def _bfs(
    name: str,
    parts: tuple[str, str],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    def fill(text: str) -> str:
        arcs, result = parts
        return text.replace("ARCS", arcs).replace("RESULT", result)

    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(fill(text) for text in _BFS_FAST),
        slow=tuple(fill(text) for text in _BFS_SLOW),
        tests=tests,
    )


_BOTH_WAYS = "$b + [[v, u] for u, v in $b]"
_ROADS = [[0, 1], [1, 2], [0, 3], [3, 2], [2, 4]]

_BFS_DISTANCES = Family(
    name="bfs_distances",
    topic="graphs",
    difficulty="medium",
    entry_points=("distances", "shortest_paths", "hop_counts", "solve_distances"),
    parameters=(
        ("n", "nodes", "num_nodes", "size"),
        ("edges", "links", "pairs", "roads"),
        ("start", "source", "origin", "root"),
    ),
    variations=(
        _bfs(
            "list",
            (_BOTH_WAYS, "dist"),
            (
                "In an undirected graph with nodes 0..`$a`-1 and edges [u, v] in `$b`, list for "
                "every node the fewest edges from `$c` to it, -1 if it is unreachable.",
                "Return a list of `$a` integers: entry i is the length of the shortest path from "
                "node `$c` to node i over the undirected edges `$b`, or -1 without a path.",
                "Each pair [u, v] in `$b` can be walked both ways. For nodes 0 to `$a` - 1 give "
                "the smallest number of steps from `$c`; use -1 where none leads.",
                "Compute all distances, counted in edges, from node `$c` in the undirected graph "
                "of `$a` nodes with edge list `$b`. Unreachable nodes get -1.",
                "Given `$a` nodes and two-way links `$b`, how many links away from `$c` is each "
                "node at least? Answer by node number, with -1 for nodes out of reach.",
            ),
            (
                ([5, _ROADS, 0], [0, 1, 2, 1, 3]),
                ([1, [], 0], [0]),
                ([3, [[1, 2]], 1], [-1, 0, 1]),
                ([5, _ROADS, 4], [3, 2, 1, 2, 0]),
            ),
        ),
        _bfs(
            "directed",
            ("$b", "dist"),
            (
                "In a directed graph with nodes 0..`$a`-1 and edges u -> v given as [u, v] in "
                "`$b`, list for every node the fewest edges from `$c` to it, -1 if unreachable.",
                "Return a list of `$a` integers: entry i is the length of the shortest path from "
                "node `$c` to i along the one-way edges `$b`, or -1 without a path.",
                "Each pair [u, v] in `$b` can only be walked from u to v. For nodes 0 to `$a` - 1 "
                "give the smallest number of steps from `$c`; use -1 where none leads.",
                "Compute all distances, counted in edges, from node `$c` in the directed graph of "
                "`$a` nodes whose edges [from, to] are in `$b`. Unreachable nodes get -1.",
                "Given `$a` nodes and one-way links [from, to] in `$b`, how many links away from "
                "`$c` is each node at least? Answer by node number, -1 if out of reach.",
            ),
            (
                ([5, _ROADS, 0], [0, 1, 2, 1, 3]),
                ([1, [], 0], [0]),
                ([3, [[1, 2]], 2], [-1, -1, 0]),
                ([5, _ROADS, 3], [-1, -1, 1, 0, 2]),
            ),
        ),
        _bfs(
            "farthest",
            (_BOTH_WAYS, "max(dist)"),
            (
                "In an undirected graph with nodes 0..`$a`-1 and edges [u, v] in `$b`, return the "
                "largest shortest-path length from `$c` to a reachable node.",
                "How many edges away is the node farthest from `$c`, over shortest paths on the "
                "undirected edges `$b` between `$a` nodes? Ignore unreachable nodes.",
                "Each pair [u, v] in `$b` can be walked both ways among nodes 0 to `$a` - 1. Find "
                "the greatest of the fewest step counts from `$c` to nodes in reach.",
                "Compute the eccentricity of node `$c`: the maximum distance, counted in edges, to "
                "any node it reaches in the undirected graph of `$a` nodes and edges `$b`.",
                "Given `$a` nodes and two-way links `$b`, a message spreads from `$c` one link per "
                "minute. After how many minutes is the last reachable node informed?",
            ),
            (([5, _ROADS, 0], 3), ([1, [], 0], 0), ([3, [[1, 2]], 1], 1), ([5, _ROADS, 2], 2)),
        ),
        _bfs(
            "sum",
            (_BOTH_WAYS, "sum(d for d in dist if d > 0)"),
            (
                "In an undirected graph with nodes 0..`$a`-1 and edges [u, v] in `$b`, add up the "
                "shortest-path lengths from `$c` to all nodes that it can reach.",
                "Return the sum of the distances, in edges, from node `$c` to every reachable one "
                "of the `$a` nodes over the undirected edges `$b`; unreachable nodes add 0.",
                "Each pair [u, v] in `$b` can be walked both ways among nodes 0 to `$a` - 1. Total "
                "the smallest step counts from `$c` over the nodes in reach.",
                "Compute the total of all finite distances, counted in edges, from node `$c` in "
                "the undirected graph of `$a` nodes with edge list `$b`.",
                "Given `$a` nodes and two-way links `$b`, sum for each node that `$c` reaches the "
                "least number of links between the two.",
            ),
            (([5, _ROADS, 0], 7), ([1, [], 0], 0), ([3, [[1, 2]], 1], 1), ([5, _ROADS, 2], 5)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    nodes = list(range(size))
    rng.shuffle(nodes)
    cut = size - size // 10
    edges = [[nodes[i], nodes[i + 1]] for i in range(size - 1) if i + 1 != cut]
    for _ in range(size // 8):
        i = rng.randrange(size - 2)
        edges.append(rng.sample([nodes[i], nodes[i + 2]], 2))
    rng.shuffle(edges)
    return [size, edges, nodes[0]]
""",
    checker="exact",
    held_out=False,
)

_DEGREES_FAST = (
    """\
def $fn($a, $b):
    outs = [0] * $a
    ins = [0] * $a
    for u, v in $b:
        outs[u] += 1
        ins[v] += 1
    return RESULT
""",
    """\
from collections import Counter

def $fn($a, $b):
    outs = Counter(u for u, v in $b)
    ins = Counter(v for u, v in $b)
    return RESULT
""",
)
_DEGREES_SLOW = (
    """\
def $fn($a, $b):
    outs = [0] * $a
    ins = [0] * $a
    for i in range($a):
        for u, v in $b:
            if u == i:
                outs[i] += 1
            if v == i:
                ins[i] += 1
    return RESULT
""",
    """\
def $fn($a, $b):
    outs = [len([u for u, v in $b if u == i]) for i in range($a)]
    ins = [len([v for u, v in $b if v == i]) for i in range($a)]
    return RESULT
""",
    """\
def $fn($a, $b):
    tails = [u for u, v in $b]
    heads = [v for u, v in $b]
    outs = [tails.count(i) for i in range($a)]
    ins = [heads.count(i) for i in range($a)]
    return RESULT
""",
)


def _degrees(
    name: str, result: str, wordings: tuple[str, ...], tests: tuple[tuple[list, object], ...]
) -> Variation:
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("RESULT", result) for text in _DEGREES_FAST),
        slow=tuple(text.replace("RESULT", result) for text in _DEGREES_SLOW),
        tests=tests,
    )


_NODE_DEGREES = Family(
    name="node_degrees",
    topic="graphs",
    difficulty="easy",
    entry_points=("node_degrees", "degree_question", "edge_counts", "solve_degrees"),
    parameters=(("n", "nodes", "num_nodes", "size"), ("edges", "links", "arcs", "pairs")),
    variations=(
        _degrees(
            "balance",
            "[outs[i] - ins[i] for i in range($a)]",
            (
                "A directed graph has nodes 0..`$a`-1 and edges [from, to] in `$b`. For every node "
                "list the edges leaving it minus the edges entering it.",
                "Return a list with one number for each node 0 to `$a` - 1: out-degree minus "
                "in-degree over the directed edges [u, v] in `$b`, repeats included.",
                "Every [u, v] in `$b` is a payment of 1 from u to v among `$a` people numbered "
                "from 0. List per person the payments made minus those received.",
                "Given `$a` nodes and arrows [u, v] in `$b`, compute how often each node is the "
                "start of an arrow less how often it is the end, in node order.",
                "For i from 0 to `$a` - 1 subtract the number of pairs in `$b` with second item i "
                "from the number with first item i; return the list.",
            ),
            (
                ([3, [[0, 1], [0, 2], [1, 2]]], [2, 0, -2]),
                ([0, []], []),
                ([2, []], [0, 0]),
                ([2, [[1, 0], [1, 0], [1, 1]]], [-2, 2]),
            ),
        ),
        _degrees(
            "sources",
            "[i for i in range($a) if outs[i] > 0 and ins[i] == 0]",
            (
                "A directed graph has nodes 0..`$a`-1 and edges [from, to] in `$b`. List in "
                "ascending order the nodes with at least one leaving edge and no entering edge.",
                "Return the sorted nodes among 0 to `$a` - 1 whose in-degree is 0 and whose "
                "out-degree is not 0, for the directed edges [u, v] in `$b`.",
                "Every [u, v] in `$b` says that u sent something to v; people are numbered 0 to "
                "`$a` - 1. List in order those who sent but never received.",
                "Given `$a` nodes and arrows [u, v] in `$b`, find all nodes that start an arrow "
                "but are never the end of one, smallest first.",
                "Which i from 0 to `$a` - 1 occur as a first item of the pairs in `$b` but never "
                "as a second item? Return them in increasing order.",
            ),
            (
                ([3, [[0, 1], [0, 2], [1, 2]]], [0]),
                ([0, []], []),
                ([2, []], []),
                ([5, [[4, 0], [2, 0], [2, 0], [1, 1]]], [2, 4]),
            ),
        ),
        _degrees(
            "busiest",
            "max(range($a), key=lambda i: outs[i] + ins[i])",
            (
                "A directed graph has nodes 0..`$a`-1 (at least one) and edges [from, to] in `$b`. "
                "Return the node with most edges, in and out; ties go to the smallest.",
                "Return the smallest of the nodes 0 to `$a` - 1 that have the largest in-degree "
                "plus out-degree over the directed edges `$b`; `$a` >= 1.",
                "Every [u, v] in `$b` is a call from u to v among `$a` >= 1 people numbered from "
                "0. Who made and received most calls? The smaller number wins a tie.",
                "Given `$a` >= 1 nodes and arrows [u, v] in `$b`, find the node that occurs most "
                "often as start or end of an arrow, the smallest in a tie.",
                "Which i from 0 to `$a` - 1 occurs most often in the pairs of `$b`, both items "
                "counted? Return the least such i; `$a` is at least 1.",
            ),
            (
                ([3, [[0, 1], [1, 2]]], 1),
                ([1, []], 0),
                ([4, []], 0),
                ([4, [[3, 3], [2, 1], [1, 2]]], 1),
                ([3, [[0, 1], [2, 2], [2, 0]]], 2),
            ),
        ),
        _degrees(
            "balanced",
            "len([i for i in range($a) if outs[i] == ins[i]])",
            (
                "A directed graph has nodes 0..`$a`-1 and edges [from, to] in `$b`. Count the "
                "nodes that have as many leaving as entering edges (maybe none of either).",
                "Return how many of the nodes 0 to `$a` - 1 have equal in-degree and out-degree "
                "for the directed edges [u, v] in `$b`; nodes without edges count.",
                "Every [u, v] in `$b` is a gift from u to v among `$a` people numbered from 0. How "
                "many people gave exactly as many as they got?",
                "Given `$a` nodes and arrows [u, v] in `$b`, find the number of nodes that start "
                "exactly as many arrows as end at them.",
                "For how many i from 0 to `$a` - 1 is i as often a first item as a second item of "
                "the pairs in `$b`? Zero times each counts as well.",
            ),
            (
                ([3, [[0, 1], [0, 2], [1, 2]]], 1),
                ([0, []], 0),
                ([2, []], 2),
                ([3, [[0, 1], [1, 0], [2, 2]]], 3),
                ([2, [[0, 1]]], 0),
            ),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    edges = [[rng.randrange(size), rng.randrange(size)] for _ in range(3 * size // 2)]
    return [size, edges]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_BFS_DISTANCES, _NODE_DEGREES)
