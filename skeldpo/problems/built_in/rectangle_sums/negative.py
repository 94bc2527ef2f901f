# %% fast
def rectangle_sums(grid, queries):
    width = len(grid[0])
    prefix = [[0] * (width + 1)]
    for row in grid:
        line = [0]
        total = 0
        for c in range(width):
            total += row[c]
            line.append(total + prefix[-1][c + 1])
        prefix.append(line)
    sums = []
    for r1, c1, r2, c2 in queries:
        below, above = prefix[r2 + 1], prefix[r1]
        sums.append(below[c2 + 1] - below[c1] - above[c2 + 1] + above[c1])
    return len([x for x in sums if x < 0])


# %% fast
from itertools import accumulate

def rectangle_sums(grid, queries):
    prefix = [[0] * (len(grid[0]) + 1)]
    for row in grid:
        line = accumulate(row, initial=0)
        prefix.append([x + y for x, y in zip(line, prefix[-1])])
    sums = []
    for r1, c1, r2, c2 in queries:
        total = prefix[r2 + 1][c2 + 1] - prefix[r2 + 1][c1]
        sums.append(total - prefix[r1][c2 + 1] + prefix[r1][c1])
    return len([x for x in sums if x < 0])


# %% slow
def rectangle_sums(grid, queries):
    sums = []
    for r1, c1, r2, c2 in queries:
        total = 0
        for r in range(r1, r2 + 1):
            for c in range(c1, c2 + 1):
                total += grid[r][c]
        sums.append(total)
    return len([x for x in sums if x < 0])


# %% slow
def rectangle_sums(grid, queries):
    sums = []
    for r1, c1, r2, c2 in queries:
        sums.append(sum(x for row in grid[r1:r2 + 1] for x in row[c1:c2 + 1]))
    return len([x for x in sums if x < 0])


# %% slow
def rectangle_sums(grid, queries):
    sums = []
    for r1, c1, r2, c2 in queries:
        total = 0
        for row in grid[r1:r2 + 1]:
            total += sum(row[c1:c2 + 1])
        sums.append(total)
    return len([x for x in sums if x < 0])
