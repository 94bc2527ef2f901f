import random


def generate_input(size, seed):
    rng = random.Random(seed)
    first = [rng.randint(-3 * size, 3 * size) for _ in range(size)]
    second = [rng.randint(-3 * size, 3 * size) for _ in range(size)]
    return [first, second]
