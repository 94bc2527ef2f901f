# %% fast
from collections import deque

def run_queue(tasks, quantum):
    queue = deque(enumerate(tasks))
    result = []
    while queue:
        i, left = queue.popleft()
        if left > quantum:
            queue.append((i, left - quantum))
        else:
            result.append(i)
    return result


# %% fast
def run_queue(tasks, quantum):
    queue = list(enumerate(tasks))
    result = []
    for i, left in queue:
        if left > quantum:
            queue.append((i, left - quantum))
        else:
            result.append(i)
    return result


# %% slow
def run_queue(tasks, quantum):
    queue = list(enumerate(tasks))
    result = []
    while queue:
        i, left = queue.pop(0)
        if left > quantum:
            queue.append((i, left - quantum))
        else:
            result.append(i)
    return result


# %% slow
def run_queue(tasks, quantum):
    rest = list(tasks)
    queue = list(range(len(tasks)))
    result = []
    while queue:
        i = queue.pop(0)
        if rest[i] > quantum:
            rest[i] -= quantum
            queue.append(i)
        else:
            result.append(i)
    return result
