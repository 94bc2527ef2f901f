import random

def generate_input(size, seed):
    rng = random.Random(seed)
    intervals = []
    for _ in range(size):
        s = rng.randrange(-size, size)
        intervals.append([s, s + rng.randint(1, max(2, size // 4))])
    points = [rng.randrange(-size, size + size // 4 + 1) for _ in range(size)]
    return [intervals, points]
