import random


def generate_input(size, seed):
    rng = random.Random(seed)
    width = int(size ** 0.5)
    share = rng.choice([0.4, 0.5, 0.55])
    return [[[int(rng.random() < share) for _ in range(width)] for _ in range(size // width)]]
