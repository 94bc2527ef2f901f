import random


def generate_input(size, seed):
    rng = random.Random(seed)
    edges = [[rng.randrange(size), rng.randrange(size)] for _ in range(3 * size // 2)]
    return [size, edges]
