import random


def generate_input(size, seed):
    rng = random.Random(seed)
    nodes = list(range(size))
    rng.shuffle(nodes)
    cut = size - size // 10
    edges = [[nodes[i], nodes[i + 1]] for i in range(size - 1) if i + 1 != cut]
    for _ in range(size // 8):
        i = rng.randrange(size - 2)
        edges.append(rng.sample([nodes[i], nodes[i + 2]], 2))
    rng.shuffle(edges)
    return [size, edges, nodes[0]]
