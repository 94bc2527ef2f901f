# %% fast
def max_profit(prices):
    gains = []
    edge = float("inf")
    for x in prices:
        edge = min(edge, x)
        gains.append(x - edge)
    return max(gains, default=0)


# %% fast
from itertools import accumulate

def max_profit(prices):
    gains = [x - edge for x, edge in zip(prices, accumulate(prices, min))]
    return max(gains, default=0)


# %% slow
def max_profit(prices):
    gains = []
    for i, x in enumerate(prices):
        best = 0
        for edge in prices[:i]:
            best = max(best, x - edge)
        gains.append(best)
    return max(gains, default=0)


# %% slow
def max_profit(prices):
    gains = []
    for i, x in enumerate(prices):
        edge = min(prices[:i + 1])
        gains.append(x - edge)
    return max(gains, default=0)


# %% slow
def max_profit(prices):
    gains = [max(x - edge for edge in prices[:i + 1]) for i, x in enumerate(prices)]
    return max(gains, default=0)
