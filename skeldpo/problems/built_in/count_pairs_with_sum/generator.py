import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(1, size) for _ in range(size)]
    return [values, 12 * rng.randint(1, size // 6 + 1)]
