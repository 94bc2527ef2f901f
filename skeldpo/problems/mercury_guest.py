"""What Mercury's programs find already imported, and the names its own helpers go by.

Its source runs in the sandbox, before a program. `lctk` stands for the suite's helper package of
that name: of it, the rows only use conversions, named X2Arr (a tree or linked list to an array) or
arr2X and the like (an array to a tree if the name says tree, else to a linked list).
"""

import bisect  # noqa: F401
import collections
import copy  # noqa: F401
import functools  # noqa: F401
import heapq  # noqa: F401
import itertools  # noqa: F401
import math  # noqa: F401
import re  # noqa: F401
import string  # noqa: F401
import sys  # noqa: F401
import types
from bisect import bisect_left, bisect_right, insort  # noqa: F401
from collections import Counter, OrderedDict, defaultdict, deque  # noqa: F401
from functools import cache, lru_cache  # noqa: F401
from heapq import heapify, heappop, heappush, heappushpop  # noqa: F401
from itertools import (  # noqa: F401
    accumulate,
    chain,
    combinations,
    groupby,
    pairwise,
    permutations,
    product,
    zip_longest,
)
from math import ceil, factorial, floor, inf, sqrt  # noqa: F401
from sys import maxsize, stdin  # noqa: F401
from typing import Any, List, Optional, Tuple  # noqa: F401, UP035


class ListNode:
    """A node of a linked list."""

    def __init__(self, val: Any = 0, next: "ListNode | None" = None) -> None:
        self.val = val
        self.next = next


class TreeNode:
    """A node of a binary tree."""

    def __init__(
        self, val: Any = 0, left: "TreeNode | None" = None, right: "TreeNode | None" = None
    ) -> None:
        self.val = val
        self.left = left
        self.right = right


_skeldpo_list_node, _skeldpo_tree_node = ListNode, TreeNode  # a program may bring its own


class _Lctk(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        lowered = name.lower()
        if lowered.endswith(("2arr", "2array", "2list")):
            return _skeldpo_array
        return _skeldpo_tree if "tree" in lowered else _skeldpo_linked


def _skeldpo_linked(values: Any) -> Any:
    if not isinstance(values, list):
        return values
    head = None
    for value in reversed(values):
        head = _skeldpo_list_node(value, head)
    return head


def _skeldpo_tree(values: Any) -> Any:
    """Level order, None for a missing child, as LeetCode writes trees."""
    if not isinstance(values, list):
        return values
    if not values or values[0] is None:
        return None
    root = _skeldpo_tree_node(values[0])
    waiting = collections.deque([root])
    place = 1
    while waiting and place < len(values):
        node = waiting.popleft()
        for side in ("left", "right"):
            if place < len(values) and values[place] is not None:
                child = _skeldpo_tree_node(values[place])
                setattr(node, side, child)
                waiting.append(child)
            place += 1
    return root


def _skeldpo_array(value: Any) -> Any:
    """The array of a tree or linked list, that of the empty one included, or of what `flat` made of
    it; KeyError or TypeError for anything else, an array too."""
    return [] if value is None else _skeldpo_flat(value)["nodes"]


def _skeldpo_flat(value: Any) -> Any:
    """An object with the array for trees and linked lists, also inside lists and tuples; the rest
    as it is."""
    if isinstance(value, (list, tuple)):
        return [_skeldpo_flat(entry) for entry in value]
    if hasattr(value, "left") and hasattr(value, "right"):
        return {"nodes": _skeldpo_levels(value)}
    if not (hasattr(value, "val") and hasattr(value, "next")):
        return value
    made = []
    while value is not None:
        made.append(value.val)
        value = value.next
    return {"nodes": made}


def _skeldpo_levels(root: Any) -> "list[Any]":
    made: list[Any] = []
    waiting = collections.deque([root])
    while waiting:
        node = waiting.popleft()
        made.append(None if node is None else node.val)
        if node is not None:
            waiting += (node.left, node.right)
    while made and not made[-1]:  # a 0 too: what is expected was made by lctk 0.0.6
        made.pop()
    return made


lctk = _Lctk("lctk")
