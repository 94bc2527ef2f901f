# %% fast
def step_ways(n, steps, mod):
    ways = [1] + [0] * n
    for t in range(1, n + 1):
        for s in steps:
            if s <= t:
                ways[t] = (ways[t] + ways[t - s]) % mod
    return ways[n]


# %% fast
def step_ways(n, steps, mod):
    ways = [1]
    for t in range(1, n + 1):
        ways.append(sum(ways[t - s] for s in steps if s <= t) % mod)
    return ways[n]


# %% slow
def step_ways(n, steps, mod):
    ways = [1] + [0] * n
    for t in range(1, n + 1):
        for i in range(t):
            if t - i in steps:
                ways[t] = (ways[t] + ways[i]) % mod
    return ways[n]


# %% slow
def step_ways(n, steps, mod):
    ways = [0] * (n + 1)
    level = [1] + [0] * n
    while any(level):
        ways = [(x + y) % mod for x, y in zip(ways, level)]
        level = [sum(level[t - s] for s in steps if s <= t) % mod for t in range(n + 1)]
    return ways[n]
