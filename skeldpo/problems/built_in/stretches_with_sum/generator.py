import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-9, 9) for _ in range(size)]
    return [values, rng.randint(1, max(2, int(size**0.5)))]
