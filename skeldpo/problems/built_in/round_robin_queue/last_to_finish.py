# %% fast
from collections import deque

def run_queue(tasks, quantum):
    queue = deque(enumerate(tasks))
    last = -1
    while queue:
        i, left = queue.popleft()
        if left > quantum:
            queue.append((i, left - quantum))
        else:
            last = i
    return last


# %% fast
def run_queue(tasks, quantum):
    queue = list(enumerate(tasks))
    last = -1
    for i, left in queue:
        if left > quantum:
            queue.append((i, left - quantum))
        else:
            last = i
    return last


# %% slow
def run_queue(tasks, quantum):
    queue = list(enumerate(tasks))
    last = -1
    while queue:
        i, left = queue.pop(0)
        if left > quantum:
            queue.append((i, left - quantum))
        else:
            last = i
    return last


# %% slow
def run_queue(tasks, quantum):
    rest = list(tasks)
    queue = list(range(len(tasks)))
    last = -1
    while queue:
        i = queue.pop(0)
        if rest[i] > quantum:
            rest[i] -= quantum
            queue.append(i)
        else:
            last = i
    return last
