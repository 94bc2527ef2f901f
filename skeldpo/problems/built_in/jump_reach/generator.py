import random


def generate_input(size, seed):
    rng = random.Random(seed)
    nums = [rng.randint(1, 3) for _ in range(size)]
    if rng.random() < 0.5:
        block = size - 1 - rng.randint(0, size // 5)
        for i in range(max(0, block - 3), block):
            nums[i] = 0
    return [nums]
