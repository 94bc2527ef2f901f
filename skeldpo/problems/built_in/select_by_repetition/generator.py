import random

def generate_input(size, seed):
    rng = random.Random(seed)
    return [[rng.randrange(-size, size + 1) for _ in range(size)]]
