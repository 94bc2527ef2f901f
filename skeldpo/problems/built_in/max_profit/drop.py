# %% fast
def max_profit(prices):
    gains = []
    edge = float("-inf")
    for x in prices:
        edge = max(edge, x)
        gains.append(edge - x)
    return max(gains, default=0)


# %% fast
from itertools import accumulate

def max_profit(prices):
    gains = [edge - x for x, edge in zip(prices, accumulate(prices, max))]
    return max(gains, default=0)


# %% slow
def max_profit(prices):
    gains = []
    for i, x in enumerate(prices):
        best = 0
        for edge in prices[:i]:
            best = max(best, edge - x)
        gains.append(best)
    return max(gains, default=0)


# %% slow
def max_profit(prices):
    gains = []
    for i, x in enumerate(prices):
        edge = max(prices[:i + 1])
        gains.append(edge - x)
    return max(gains, default=0)


# %% slow
def max_profit(prices):
    gains = [max(edge - x for edge in prices[:i + 1]) for i, x in enumerate(prices)]
    return max(gains, default=0)
