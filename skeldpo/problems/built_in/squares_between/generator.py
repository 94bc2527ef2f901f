import random


def generate_input(size, seed):
    rng = random.Random(seed)
    low = rng.randint(1, size)
    return [low, low + size * size + rng.randint(0, size)]
