import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(1, 20) for _ in range(size)]
    return [values, max(1, sum(values) * rng.randint(3, 6) // 10)]
