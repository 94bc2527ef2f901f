import random

def generate_input(size, seed):
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    pool = ["".join(rng.choices(letters, k=rng.randint(1, 6))) for _ in range(50)]
    words = [rng.choice(pool) for _ in range(size)]
    words[0] = rng.choice("ijklmnopqr") + words[0]
    return [words, rng.choice(["", " ", "-", ", "])]
