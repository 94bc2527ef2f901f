# %% fast
def coprimes(n):
    phi = n
    rest = n
    i = 2
    while i * i <= rest:
        if rest % i == 0:
            phi -= phi // i
            while rest % i == 0:
                rest //= i
        i += 1
    if rest > 1:
        phi -= phi // rest
    return n * phi // 2 if n > 1 else 1


# %% fast
def coprimes(n):
    phi = 1
    rest = n
    i = 2
    while rest > 1:
        if i * i > rest:
            i = rest
        if rest % i == 0:
            phi *= i - 1
            rest //= i
            while rest % i == 0:
                phi *= i
                rest //= i
        i += 1
    return n * phi // 2 if n > 1 else 1


# %% slow
import math

def coprimes(n):
    found = [i for i in range(1, n + 1) if math.gcd(i, n) == 1]
    return sum(found)


# %% slow
def coprimes(n):
    found = []
    for i in range(1, n + 1):
        x, y = n, i
        while y > 0:
            x, y = y, x % y
        if x == 1:
            found.append(i)
    return sum(found)
