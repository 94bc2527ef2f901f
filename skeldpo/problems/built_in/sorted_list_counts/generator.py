import random

def generate_input(size, seed):
    rng = random.Random(seed)
    nums = sorted(rng.randrange(-size, size) for _ in range(size))
    queries = [rng.randrange(-size, size + 1) for _ in range(size)]
    return [nums, queries]
