import random

def generate_input(size, seed):
    rng = random.Random(seed)
    quantum = rng.randint(1, 9)
    tasks = [rng.randint(1, 3 * quantum) for _ in range(size)]
    return [tasks, quantum]
