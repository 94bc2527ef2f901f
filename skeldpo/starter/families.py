"""Which built-in families a starter is trained on unless a configuration says otherwise."""

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
"""As many as half a million parameters learn in two minutes; with all of them a policy of that size
solves one held-out variant in four instead of two in three (docs/LOG.md). The last two are never
trained on."""
