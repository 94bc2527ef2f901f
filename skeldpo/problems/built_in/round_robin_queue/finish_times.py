# %% fast
from collections import deque

def run_queue(tasks, quantum):
    queue = deque(enumerate(tasks))
    result = [0] * len(tasks)
    now = 0
    while queue:
        i, left = queue.popleft()
        if left > quantum:
            now += quantum
            queue.append((i, left - quantum))
        else:
            now += left
            result[i] = now
    return result


# %% fast
def run_queue(tasks, quantum):
    queue = list(enumerate(tasks))
    result = [0] * len(tasks)
    now = 0
    for i, left in queue:
        if left > quantum:
            now += quantum
            queue.append((i, left - quantum))
        else:
            now += left
            result[i] = now
    return result


# %% slow
def run_queue(tasks, quantum):
    queue = list(enumerate(tasks))
    result = [0] * len(tasks)
    now = 0
    while queue:
        i, left = queue.pop(0)
        if left > quantum:
            now += quantum
            queue.append((i, left - quantum))
        else:
            now += left
            result[i] = now
    return result


# %% slow
def run_queue(tasks, quantum):
    rest = list(tasks)
    queue = list(range(len(tasks)))
    result = [0] * len(tasks)
    now = 0
    while queue:
        i = queue.pop(0)
        if rest[i] > quantum:
            now += quantum
            rest[i] -= quantum
            queue.append(i)
        else:
            now += rest[i]
            result[i] = now
    return result
