"""A run: rounds of sample, evaluate, pair and train, resumed from whatever is finished."""
