# %% fast
import math

def squares_between(low, high):
    first = math.isqrt(low - 1) + 1
    last = math.isqrt(high)
    squares = [k * k for k in range(first, last + 1)]
    return squares


# %% fast
def squares_between(low, high):
    squares = []
    k = 1
    while k * k <= high:
        if k * k >= low:
            squares.append(k * k)
        k += 1
    return squares


# %% slow
import math

def squares_between(low, high):
    squares = [x for x in range(low, high + 1) if math.isqrt(x) ** 2 == x]
    return squares


# %% slow
def squares_between(low, high):
    squares = []
    k = 1
    for x in range(low, high + 1):
        while k * k < x:
            k += 1
        if k * k == x:
            squares.append(x)
    return squares
