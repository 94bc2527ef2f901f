import random

def generate_input(size, seed):
    rng = random.Random(seed)
    nums = rng.sample(range(10 * size), size)
    k = size // 2 + rng.randrange(size // 8 + 1) or 1
    if rng.random() < 0.7:
        for _ in range(1 + size // 50):
            j = rng.randrange(size * 4 // 5, size)
            i = max(0, j - rng.randrange(max(1, k - 3), k + 3))
            nums[j] = nums[i]
            if rng.random() < 0.3:
                nums[j - 1] = nums[i]
    return [nums, k]
