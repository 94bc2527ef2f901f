import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-size, size) for _ in range(size)]
    return [values, rng.randint(0, size)]
