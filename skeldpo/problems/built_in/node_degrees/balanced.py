# %% fast
def node_degrees(n, edges):
    outs = [0] * n
    ins = [0] * n
    for u, v in edges:
        outs[u] += 1
        ins[v] += 1
    return len([i for i in range(n) if outs[i] == ins[i]])


# %% fast
from collections import Counter

def node_degrees(n, edges):
    outs = Counter(u for u, v in edges)
    ins = Counter(v for u, v in edges)
    return len([i for i in range(n) if outs[i] == ins[i]])


# %% slow
def node_degrees(n, edges):
    outs = [0] * n
    ins = [0] * n
    for i in range(n):
        for u, v in edges:
            if u == i:
                outs[i] += 1
            if v == i:
                ins[i] += 1
    return len([i for i in range(n) if outs[i] == ins[i]])


# %% slow
def node_degrees(n, edges):
    outs = [len([u for u, v in edges if u == i]) for i in range(n)]
    ins = [len([v for u, v in edges if v == i]) for i in range(n)]
    return len([i for i in range(n) if outs[i] == ins[i]])


# %% slow
def node_degrees(n, edges):
    tails = [u for u, v in edges]
    heads = [v for u, v in edges]
    outs = [tails.count(i) for i in range(n)]
    ins = [heads.count(i) for i in range(n)]
    return len([i for i in range(n) if outs[i] == ins[i]])
