import random


def generate_input(size, seed):
    rng = random.Random(seed)
    return [size + rng.randint(0, size // 8 + 1)]
