import random


def generate_input(size, seed):
    rng = random.Random(seed)
    return [[rng.randint(-size, size) for _ in range(size)]]
