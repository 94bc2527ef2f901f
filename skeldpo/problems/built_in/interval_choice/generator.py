import random


def generate_input(size, seed):
    rng = random.Random(seed)
    starts = [rng.randint(0, 4 * size) for _ in range(size)]
    return [[[start, start + rng.randint(1, 12)] for start in starts]]
