# %% fast
def saddle_cells(grid):
    row_best = [max(row) for row in grid]
    col_best = [min(col) for col in zip(*grid)]
    found = []
    for r in range(len(grid)):
        for c in range(len(grid[r])):
            if grid[r][c] == row_best[r] and grid[r][c] == col_best[c]:
                found.append([r, c])
    return found


# %% fast
def saddle_cells(grid):
    col_best = [min(col) for col in zip(*grid)]
    found = []
    for r, row in enumerate(grid):
        best = max(row)
        for c, x in enumerate(row):
            if x == best and x == col_best[c]:
                found.append([r, c])
    return found


# %% slow
def saddle_cells(grid):
    found = []
    for r in range(len(grid)):
        for c in range(len(grid[r])):
            row_best = max(grid[r])
            col_best = min([row[c] for row in grid])
            if grid[r][c] == row_best and grid[r][c] == col_best:
                found.append([r, c])
    return found


# %% slow
def saddle_cells(grid):
    found = []
    for r, row in enumerate(grid):
        for c, x in enumerate(row):
            if x == min(line[c] for line in grid) and x == max(row):
                found.append([r, c])
    return found


# %% slow
def saddle_cells(grid):
    found = []
    for r, row in enumerate(grid):
        for c, x in enumerate(row):
            if x == max(row) and x == min(line[c] for line in grid):
                found.append([r, c])
    return found
