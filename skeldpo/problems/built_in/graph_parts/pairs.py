# %% fast
def graph_parts(n, edges):
    graph = [[] for _ in range(n)]
    for u, v in edges:
        graph[u].append(v)
        graph[v].append(u)
    seen = [False] * n
    sizes = []
    for first in range(n):
        if not seen[first]:
            seen[first] = True
            queue = [first]
            for u in queue:
                for v in graph[u]:
                    if not seen[v]:
                        seen[v] = True
                        queue.append(v)
            sizes.append(len(queue))
    return sum(s * (s - 1) // 2 for s in sizes)


# %% fast
from collections import Counter

def graph_parts(n, edges):
    parent = list(range(n))

    def find(u):
        while parent[u] != u:
            parent[u] = parent[parent[u]]
            u = parent[u]
        return u

    for u, v in edges:
        parent[find(u)] = find(v)
    sizes = list(Counter(find(u) for u in range(n)).values())
    return sum(s * (s - 1) // 2 for s in sizes)


# %% slow
def graph_parts(n, edges):
    seen = [False] * n
    sizes = []
    for first in range(n):
        if not seen[first]:
            seen[first] = True
            queue = [first]
            for node in queue:
                for u, v in edges:
                    if u == node and not seen[v]:
                        seen[v] = True
                        queue.append(v)
                    elif v == node and not seen[u]:
                        seen[u] = True
                        queue.append(u)
            sizes.append(len(queue))
    return sum(s * (s - 1) // 2 for s in sizes)


# %% slow
def graph_parts(n, edges):
    group = list(range(n))
    for u, v in edges:
        if group[u] != group[v]:
            x, y = group[u], group[v]
            group = [x if g == y else g for g in group]
    sizes = [group.count(g) for g in set(group)]
    return sum(s * (s - 1) // 2 for s in sizes)


# %% slow
from collections import Counter

def graph_parts(n, edges):
    group = list(range(n))
    changed = True
    while changed:
        changed = False
        for u, v in edges:
            if group[u] != group[v]:
                group[u] = group[v] = min(group[u], group[v])
                changed = True
    sizes = list(Counter(group).values())
    return sum(s * (s - 1) // 2 for s in sizes)
