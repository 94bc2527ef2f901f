import random

def generate_input(size, seed):
    rng = random.Random(seed)
    nums = [rng.randrange(-5 * size, 5 * size) for _ in range(size)]
    k = rng.randint(max(1, size // 3), max(1, size * 2 // 3))
    return [nums, k]
