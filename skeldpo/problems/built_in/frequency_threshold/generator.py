import random


def generate_input(size, seed):
    rng = random.Random(seed)
    common = [int(rng.random() ** 3 * size) for _ in range(size // 2)]
    rare = [rng.randint(0, 2 * size) for _ in range(size - size // 2)]
    values = common + rare
    rng.shuffle(values)
    return [values, rng.choice([1, 2, 3, 4, max(2, int(size**0.5))])]
