import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = rng.sample(range(4 * size), (size + 1) // 2)
    again = list(values)
    rng.shuffle(again)
    kind = rng.randrange(3)
    if kind == 1:
        values.append(4 * size + 1)
    elif kind == 2:
        again = again[: size // 8 + 1] + [4 * size + 1] + again[size // 8 + 1 :]
    return [values + again]
