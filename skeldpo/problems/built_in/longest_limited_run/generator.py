import random


def generate_input(size, seed):
    rng = random.Random(seed)
    root = int(size**0.5)
    limit = rng.randint(max(2, root // 3), max(2, root // 2))
    values = []
    while len(values) < size:
        base = rng.sample(range(6 * limit), max(1, limit - rng.randrange(3)))
        values += [rng.choice(base) for _ in range(max(1, size // 2))]
    return [values[:size], limit]
