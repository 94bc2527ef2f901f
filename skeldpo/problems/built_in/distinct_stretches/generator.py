import random

def generate_input(size, seed):
    rng = random.Random(seed)
    nums = rng.sample(range(10 * size), size)
    for _ in range(rng.randint(1, 4)):
        nums[rng.randrange(size)] = nums[rng.randrange(size)]
    return [nums]
