# %% fast
from collections import deque

def distances(n, edges, start):
    graph = [[] for _ in range(n)]
    for u, v in edges:
        graph[u].append(v)
    dist = [-1] * n
    dist[start] = 0
    queue = deque([start])
    while queue:
        u = queue.popleft()
        for v in graph[u]:
            if dist[v] == -1:
                dist[v] = dist[u] + 1
                queue.append(v)
    return dist


# %% fast
def distances(n, edges, start):
    graph = [[] for _ in range(n)]
    for u, v in edges:
        graph[u].append(v)
    dist = [-1] * n
    level = 0
    layer = [start]
    while layer:
        after = []
        for u in layer:
            if dist[u] == -1:
                dist[u] = level
                after.extend(graph[u])
        layer = after
        level += 1
    return dist


# %% slow
def distances(n, edges, start):
    arcs = edges
    dist = [-1] * n
    dist[start] = 0
    changed = True
    while changed:
        changed = False
        for u, v in arcs:
            if dist[u] != -1 and (dist[v] == -1 or dist[v] > dist[u] + 1):
                dist[v] = dist[u] + 1
                changed = True
    return dist


# %% slow
def distances(n, edges, start):
    arcs = edges
    dist = [-1] * n
    dist[start] = 0
    queue = [start]
    for node in queue:
        for u, v in arcs:
            if u == node and dist[v] == -1:
                dist[v] = dist[u] + 1
                queue.append(v)
    return dist


# %% slow
def distances(n, edges, start):
    arcs = edges
    dist = [-1] * n
    dist[start] = 0
    level = 0
    while level in dist:
        for u, v in arcs:
            if dist[u] == level and dist[v] == -1:
                dist[v] = level + 1
        level += 1
    return dist
