import random


def generate_input(size, seed):
    rng = random.Random(seed)
    number = size * size + rng.randint(0, size)
    return [number - number % rng.choice([1, 1, 2, 6, 10]) or 1]
