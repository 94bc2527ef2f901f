"""Preference pairs of one problem from verdicts and times, and what is done with many of them."""

from skeldpo.pair.build import ProblemPairs, build_pairs
from skeldpo.pair.guarded import pairs_or_reason
from skeldpo.pair.lengths import balance_lengths

__all__ = ["ProblemPairs", "balance_lengths", "build_pairs", "pairs_or_reason"]
