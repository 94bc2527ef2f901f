# %% fast
def primes_up_to(n):
    sieve = [True] * (n + 1)
    primes = []
    for i in range(2, n + 1):
        if sieve[i]:
            primes.append(i)
            for j in range(i * i, n + 1, i):
                sieve[j] = False
    return primes


# %% fast
def primes_up_to(n):
    sieve = [True] * (n + 1)
    i = 2
    while i * i <= n:
        if sieve[i]:
            sieve[i * i::i] = [False] * len(sieve[i * i::i])
        i += 1
    primes = [k for k in range(2, n + 1) if sieve[k]]
    return primes


# %% slow
def primes_up_to(n):
    primes = []
    for i in range(2, n + 1):
        if all(i % p != 0 for p in primes):
            primes.append(i)
    return primes


# %% slow
def primes_up_to(n):
    primes = []
    for i in range(2, n + 1):
        is_prime = True
        for j in range(2, i):
            if i % j == 0:
                is_prime = False
                break
        if is_prime:
            primes.append(i)
    return primes


# %% slow
def primes_up_to(n):
    primes = []
    for i in range(2, n + 1):
        j = 2
        while j * j <= i and i % j != 0:
            j += 1
        if j * j > i:
            primes.append(i)
    return primes
