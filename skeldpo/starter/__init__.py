"""The starter policy: a small Qwen2 model trained from scratch on the known programs.

`train_starter` makes, in two minutes on two CPU cores, a Hugging Face folder whose model writes
correct programs, fast and slow ones, for problems it has not seen in that wording. It exists so
that a whole run works offline on a laptop; it is no general code model, and knows nothing but the
families it was trained on.
"""

from skeldpo.starter.pretrain import StarterResult, train_starter

__all__ = ["FAMILIES", "StarterResult", "train_starter"]

FAMILIES = (
    "two_sum",
    "primes_up_to",
    "longest_distinct_run",
    "most_frequent",
    "values_in_other_list",
    "count_pairs_with_sum",
    "subarray_sum",
    "max_sum_window",
    "max_profit",
    "range_sum_queries",
)
"""Which built-in families a starter is trained on unless a configuration says otherwise.

As many as half a million parameters learn in two minutes; with all of them a policy of that size
solves one held-out variant in four instead of two in three (docs/LOG.md). The last two are never
trained on."""
