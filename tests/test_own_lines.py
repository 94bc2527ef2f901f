"""The list of our lines knows strangers."""

from __future__ import annotations

from own_lines import foreign_lines

OURS = """start: making the starting policy (starter)
starter: 136 problems, 951 token types, 0.42 M parameters
starter: step 9/96, loss 5.394, 1546 tokens/s
round 1: 13 problems to write for; starting the engine
engines: they stay from round to round (generate.keep_engines)
round 1: engine ready after 63 s
closing 2: engine ready after 4 s (weights reloaded in 0.1 s)
round 1: first token 21.3 s after sampling began
round 2: 141 s, of which 52 s are overhead
round 1: measured 0 of 13 problems, 310 tokens/s, 4 s so far
round 1: measured 3 of 13 problems, 12 of 19 candidates accepted, 2.1 candidates/s, 9 s left
round 1: core 1 of node: unsteady
round 1: the cluster has 1 of resource sandbox_core, 2 before
round 1: pair: 8 of 8
round 1: trains in prefix trees
round 1: reference log-probabilities: 3 of 40 passes done
enamel samples: generated 3 of 142 problems, 210 tokens/s, 30 s left
samples: /tmp/out/enamel-samples.jsonl
mercury, cpu protocol
score   mean    95 % interval     problems
pass@1  0.0000  0.0000 to 0.0000         1
run small: finished, 1 rounds in 80 s; configuration 1; ray==2.60.0
def f(a): return a
"""
STRANGERS = """[2026-11-26 04:27:46,470 E 21483 21483] core_worker.cc:2465: Actor with class name
(raylet) A worker died or was killed while executing a task
Writing model shards: 100%|##########| 1/1 [00:00<00:00, 17.59it/s]
2026-11-26 04:29:41,030\tERROR streaming_executor_state.py:747 -- An exception was raised
*** SIGTERM received at time=1795668064 on cpu 0 ***
(MapWorker(MapBatches(PolicyEngine)) pid=25954) INFO 11-26 04:29:41 starting
/lib/python/torch/x.py:3: UserWarning: deprecated
round 1: measured something else"""


def test_our_lines_are_known_and_strangers_are_not() -> None:
    assert foreign_lines(OURS) == []
    strangers = STRANGERS.splitlines()
    assert foreign_lines(STRANGERS + "\n" + OURS) == strangers
    assert foreign_lines(OURS + strangers[0] + "\n" + strangers[2]) == [strangers[0], strangers[2]]
