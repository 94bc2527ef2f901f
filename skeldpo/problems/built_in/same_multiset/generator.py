import random


def generate_input(size, seed):
    rng = random.Random(seed)
    first = [rng.randint(0, 3 * size) for _ in range(size)]
    second = list(first)
    rng.shuffle(first)
    rng.shuffle(second)
    for _ in range(rng.choice([0, 0, 1, 4])):
        first[rng.randrange(size * 3 // 4, size)] = rng.randint(-size, -1)
    return [first, second]
