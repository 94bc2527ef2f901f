# %% fast
import math

def sum_of_multiples(n, x, y):
    def total(k):
        m = n // k
        return k * m * (m + 1) // 2

    both = math.lcm(x, y)
    return total(both)


# %% fast
import math

def sum_of_multiples(n, x, y):
    both = x * y // math.gcd(x, y)
    result = 0
    for k, times in ((both, 1),):
        m = n // k
        result += times * (k + k * m) * m // 2
    return result


# %% slow
def sum_of_multiples(n, x, y):
    result = 0
    for i in range(1, n + 1):
        if i % x == 0 and i % y == 0:
            result += i
    return result


# %% slow
def sum_of_multiples(n, x, y):
    return sum(i for i in range(1, n + 1) if i % x == 0 and i % y == 0)
