import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [2 * rng.randint(1, 5 * size) for _ in range(size)]
    target = 2 * rng.randint(size, 5 * size) + 1
    if size >= 4 and rng.random() < 0.5:
        values[-1] = target - values[rng.randrange(size * 3 // 4, size - 1)]
    if size >= 12 and rng.random() < 0.5:
        values[-2] = values[rng.randrange(size * 3 // 4, size - 2)] + target
    return [values, target]
