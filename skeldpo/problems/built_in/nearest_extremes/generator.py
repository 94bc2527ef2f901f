import random

def generate_input(size, seed):
    rng = random.Random(seed)
    down = [4 * size - 2 * i + rng.randrange(5) for i in range(size // 2)]
    up = [i + rng.randrange(5) for i in range(size - size // 2)]
    return [down + up]
