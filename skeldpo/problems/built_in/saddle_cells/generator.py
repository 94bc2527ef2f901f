import math
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    side = math.isqrt(size)
    steps = rng.randint(3, 9)
    heights = [rng.randint(0, steps) for _ in range(side)]
    slopes = [rng.randint(0, steps) for _ in range(side)]
    grid = [[x + y for y in slopes] for x in heights]
    for _ in range(side // 2):
        r, c = rng.randrange(side), rng.randrange(side)
        grid[r][c] += rng.randint(-1, 1)
    return [grid]
