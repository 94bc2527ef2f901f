import random


def generate_input(size, seed):
    rng = random.Random(seed)
    n = max(2, size)
    values = [rng.randint(1, 10 * n) ** 2 for _ in range(n)]
    return [values, rng.randint(1, 2 * max(values) + 10)]
