import random

def generate_input(size, seed):
    rng = random.Random(seed)
    xs = sorted(rng.randrange(-size, 2 * size) for _ in range(size))
    ys = sorted(rng.randrange(-size, 2 * size) for _ in range(size))
    return [xs, ys]
