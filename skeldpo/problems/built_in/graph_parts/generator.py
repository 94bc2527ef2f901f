import random


def generate_input(size, seed):
    rng = random.Random(seed)
    nodes = list(range(size))
    rng.shuffle(nodes)
    cuts = {rng.randrange(size) for _ in range(rng.randint(2, 9))}
    edges = [[nodes[i], nodes[i + 1]] for i in range(size - 1) if i not in cuts]
    edges += [list(rng.choice(edges)) for _ in range(size // 8) if edges]
    rng.shuffle(edges)
    return [size, edges]
