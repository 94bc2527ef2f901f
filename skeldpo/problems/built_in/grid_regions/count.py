# %% fast
def grid_regions(grid):
    left = {(r, c) for r, row in enumerate(grid) for c, x in enumerate(row) if x == 1}
    sizes = []
    while left:
        stack = [left.pop()]
        size = 0
        while stack:
            r, c = stack.pop()
            size += 1
            for cell in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                if cell in left:
                    left.remove(cell)
                    stack.append(cell)
        sizes.append(size)
    return len(sizes)


# %% fast
def grid_regions(grid):
    land = [(r, c) for r, row in enumerate(grid) for c, x in enumerate(row) if x == 1]
    seen = {cell: False for cell in land}
    sizes = []
    for first in land:
        if not seen[first]:
            seen[first] = True
            queue = [first]
            for r, c in queue:
                for cell in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                    if not seen.get(cell, True):
                        seen[cell] = True
                        queue.append(cell)
            sizes.append(len(queue))
    return len(sizes)


# %% slow
def grid_regions(grid):
    left = [(r, c) for r, row in enumerate(grid) for c, x in enumerate(row) if x == 1]
    sizes = []
    while left:
        stack = [left.pop()]
        size = 0
        while stack:
            r, c = stack.pop()
            size += 1
            for cell in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                if cell in left:
                    left.remove(cell)
                    stack.append(cell)
        sizes.append(size)
    return len(sizes)


# %% slow
def grid_regions(grid):
    land = [(r, c) for r, row in enumerate(grid) for c, x in enumerate(row) if x == 1]
    seen = []
    sizes = []
    for first in land:
        if first not in seen:
            seen.append(first)
            queue = [first]
            for r, c in queue:
                for cell in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                    if cell in land and cell not in seen:
                        seen.append(cell)
                        queue.append(cell)
            sizes.append(len(queue))
    return len(sizes)
