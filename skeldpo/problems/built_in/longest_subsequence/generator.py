import random


def generate_input(size, seed):
    rng = random.Random(seed)
    return [[rng.randint(0, size) - size // 3 for _ in range(size)]]
