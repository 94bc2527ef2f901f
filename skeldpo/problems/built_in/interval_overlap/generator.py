import random

def generate_input(size, seed):
    rng = random.Random(seed)
    intervals = []
    for _ in range(size):
        s = rng.randrange(-5 * size, 5 * size)
        intervals.append([s, s + rng.randint(1, 12)])
    return [intervals]
