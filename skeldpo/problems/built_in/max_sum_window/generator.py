import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-1000, 1000) for _ in range(size)]
    return [values, rng.randint(max(1, size // 3), max(1, size * 2 // 3))]
