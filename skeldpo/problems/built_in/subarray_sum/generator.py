import random


def generate_input(size, seed):
    rng = random.Random(seed)
    return [[rng.randint(-9, 9) for _ in range(size)]]
