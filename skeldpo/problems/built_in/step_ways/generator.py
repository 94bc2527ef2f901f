import random


def generate_input(size, seed):
    rng = random.Random(seed)
    steps = rng.sample(range(1, 7), rng.randint(2, 4))
    return [size, steps, rng.choice([997, 10007, 1000003])]
