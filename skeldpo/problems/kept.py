"""A run's own copy of its problems: what is measured later is measured as before, or not at all.

Verdicts rest on tests, generators and checkers. The files of `problems.sources` may change between
two starts of a run; its copy, whose digest is beside it, says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from skeldpo.records import Problem
from skeldpo.storage.store import Store

PROBLEMS_FILE = "problems.parquet"
DIGEST_FILE = "problems.json"
"""Written after the copy, before anything is made of a problem."""
_NUM_NAMED = 3


def keep_problems(store: Store, problems: Sequence[Problem]) -> None:
    """Writes the copy at a run's first start; later, ValueError names the problems that are not
    those of the copy, or the copy if it is damaged."""
    if not store.exists(DIGEST_FILE):
        store.write_records(PROBLEMS_FILE, Problem, problems)
        held = {"sha256": store.digest(PROBLEMS_FILE), "num_problems": len(problems)}
        store.write_text(DIGEST_FILE, json.dumps(held))
        return
    expected = store.read_json(DIGEST_FILE, "sha256")["sha256"]
    if store.digest(PROBLEMS_FILE) != expected:
        raise ValueError(
            f"{store.location(PROBLEMS_FILE)} is not what the run wrote (SHA-256 in "
            f"{DIGEST_FILE}); it was changed or cut short. Put it back, or give the run another "
            "name (--set run.name=...)"
        )
    differences = _differences(store, problems)
    if differences:
        more = f" and {len(differences) - _NUM_NAMED} more" * (len(differences) > _NUM_NAMED)
        raise ValueError(
            f"{len(differences)} problems are not those that {store.root} began with: "
            f"{', '.join(differences[:_NUM_NAMED])}{more}. What was measured would not fit what is "
            "measured next: put the files of problems.sources (and keep_out.files) back, or give "
            "the run another name (--set run.name=...)"
        )


def forget_problems(store: Store) -> None:
    """Of a run in which nothing was made yet: the next start writes its own copy."""
    for name in (DIGEST_FILE, PROBLEMS_FILE):
        store.remove(name)


def _differences(store: Store, problems: Sequence[Problem]) -> list[str]:
    """Ids with what is wrong, in the order of the copy, then new ones; of problems that are all
    the same but come in another order, the first that moved."""
    given = {problem.problem_id: problem for problem in problems}
    kept: list[str] = []
    found: list[str] = []
    for problem in store.iter_records(PROBLEMS_FILE, Problem):
        now = given.get(problem.problem_id)
        kept.append(problem.problem_id)
        if now is None:
            found.append(f"{problem.problem_id} (gone)")
        elif now != problem:
            names = [n for n in problem.__slots__ if getattr(now, n) != getattr(problem, n)]
            found.append(f"{problem.problem_id} (changed: {', '.join(names)})")
    known = set(kept)
    found += [f"{key} (new)" for key in given if key not in known]
    moved = (a for a, b in zip(kept, given, strict=False) if a != b)
    return found or [f"{key} (moved)" for key in list(moved)[:1]]
