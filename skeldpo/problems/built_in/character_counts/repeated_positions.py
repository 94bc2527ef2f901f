# %% fast
from collections import Counter

def find_char(s):
    counts = Counter(s)
    return sum(1 for ch in s if counts[ch] > 1)


# %% fast
def find_char(s):
    counts = {}
    for ch in s:
        counts[ch] = counts.get(ch, 0) + 1
    total = 0
    for ch in counts:
        if counts[ch] > 1:
            total += counts[ch]
    return total


# %% slow
def find_char(s):
    return sum(1 for ch in s if s.count(ch) > 1)


# %% slow
def find_char(s):
    result = 0
    for x in s:
        total = 0
        for y in s:
            if x == y:
                total += 1
        if total > 1:
            result += 1
    return result
