import random

def generate_input(size, seed):
    rng = random.Random(seed)
    letters = rng.sample("abcdefghijklmnopqrstuvwxyz", 12)
    text = [rng.choice(letters[:9]) for _ in range(size)]
    for ch in letters[9:9 + rng.randrange(4)]:
        for _ in range(rng.randint(1, 2)):
            text[rng.randrange(size * 4 // 5, size)] = ch
    return ["".join(text)]
