import random

def generate_input(size, seed):
    rng = random.Random(seed)
    xs = [rng.randrange(-size, 2 * size) for _ in range(size)]
    ys = [rng.randrange(-size, 2 * size) for _ in range(size)]
    return [xs, ys]
