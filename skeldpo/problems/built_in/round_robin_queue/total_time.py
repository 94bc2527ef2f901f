# %% fast
from collections import deque

def run_queue(tasks, quantum):
    queue = deque(enumerate(tasks))
    total = now = 0
    while queue:
        i, left = queue.popleft()
        if left > quantum:
            now += quantum
            queue.append((i, left - quantum))
        else:
            now += left
            total += now
    return total


# %% fast
def run_queue(tasks, quantum):
    queue = list(enumerate(tasks))
    total = now = 0
    for i, left in queue:
        if left > quantum:
            now += quantum
            queue.append((i, left - quantum))
        else:
            now += left
            total += now
    return total


# %% slow
def run_queue(tasks, quantum):
    queue = list(enumerate(tasks))
    total = now = 0
    while queue:
        i, left = queue.pop(0)
        if left > quantum:
            now += quantum
            queue.append((i, left - quantum))
        else:
            now += left
            total += now
    return total


# %% slow
def run_queue(tasks, quantum):
    rest = list(tasks)
    queue = list(range(len(tasks)))
    total = now = 0
    while queue:
        i = queue.pop(0)
        if rest[i] > quantum:
            now += quantum
            rest[i] -= quantum
            queue.append(i)
        else:
            now += rest[i]
            total += now
    return total
