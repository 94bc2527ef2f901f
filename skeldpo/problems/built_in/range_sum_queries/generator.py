import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-100, 100) for _ in range(size)]
    queries = []
    for _ in range(size):
        left = rng.randrange(size)
        right = rng.randrange(size)
        queries.append([min(left, right), max(left, right)])
    return [values, queries]
