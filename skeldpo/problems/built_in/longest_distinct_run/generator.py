import random


def generate_input(size, seed):
    rng = random.Random(seed)
    period = size // 2 + 1
    base = rng.sample(range(4 * size), period)
    values = [base[i % period] for i in range(size)]
    for _ in range(rng.randrange(3)):
        values[rng.randrange(size)] = rng.choice(base)
    return [values]
