# %% fast
def divisors_of(n):
    found = []
    i = 1
    while i * i <= n:
        if n % i == 0:
            found.append(i)
            if i * i < n:
                found.append(n // i)
        i += 1
    return sorted(found)


# %% fast
import math

def divisors_of(n):
    found = set()
    for i in range(1, math.isqrt(n) + 1):
        if n % i == 0:
            found.add(i)
            found.add(n // i)
    return sorted(found)


# %% fast
def divisors_of(n):
    found = [1]
    rest = n
    i = 2
    while rest > 1:
        if i * i > rest:
            i = rest
        parts = found
        while rest % i == 0:
            rest //= i
            parts = [d * i for d in parts]
            found = found + parts
        i += 1
    return sorted(found)


# %% slow
def divisors_of(n):
    found = []
    for i in range(1, n + 1):
        if n % i == 0:
            found.append(i)
    return sorted(found)


# %% slow
def divisors_of(n):
    found = [i for i in range(1, n // 2 + 1) if n % i == 0]
    found.append(n)
    return sorted(found)
