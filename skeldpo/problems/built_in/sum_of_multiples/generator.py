import random


def generate_input(size, seed):
    rng = random.Random(seed)
    limit = 8 * size + rng.randint(0, size)
    return [limit, rng.randint(2, 12), rng.randint(2, 12)]
