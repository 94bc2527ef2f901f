# %% fast
def step_ways(n, steps, mod):
    ways = [1] + [0] * n
    for s in steps:
        for t in range(s, n + 1):
            ways[t] = (ways[t] + ways[t - s]) % mod
    return ways[n]


# %% fast
def step_ways(n, steps, mod):
    ways = [1] + [0] * n
    for s in steps:
        after = []
        for t in range(n + 1):
            less = after[t - s] if t >= s else 0
            after.append((ways[t] + less) % mod)
        ways = after
    return ways[n]


# %% slow
def step_ways(n, steps, mod):
    ways = [1] + [0] * n
    for s in steps:
        after = []
        for t in range(n + 1):
            after.append(sum(ways[t - k * s] for k in range(t // s + 1)) % mod)
        ways = after
    return ways[n]


# %% slow
def step_ways(n, steps, mod):
    ways = [1] + [0] * n
    for s in steps:
        after = ways[:]
        for k in range(s, n + 1, s):
            for t in range(k, n + 1):
                after[t] = (after[t] + ways[t - k]) % mod
        ways = after
    return ways[n]
