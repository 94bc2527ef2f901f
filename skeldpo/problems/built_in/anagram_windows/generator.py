import random

def generate_input(size, seed):
    rng = random.Random(seed)
    n = max(1, size // rng.randint(6, 10))
    p = [rng.choice("abc") for _ in range(n)]
    text = [rng.choice("ab") for _ in range(size // 3)]
    while len(text) < size * 3 // 4:
        if rng.random() < 0.6:
            text += rng.sample(p, n)
        else:
            text += [rng.choice("abc") for _ in range(rng.randint(1, n))]
    text += [rng.choice("ab") for _ in range(size)]
    return ["".join(text[:size]), "".join(p)]
