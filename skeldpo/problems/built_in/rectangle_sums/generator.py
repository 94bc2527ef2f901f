import math
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    side = math.isqrt(size)
    grid = [[rng.randint(-9, 9) for _ in range(side)] for _ in range(side)]
    near, far = (side - 1) // 4, 3 * side // 4
    queries = []
    for _ in range(size // 3 + 1):
        r1, c1 = rng.randint(0, near), rng.randint(0, near)
        queries.append([r1, c1, rng.randint(far, side - 1), rng.randint(far, side - 1)])
    return [grid, queries]
