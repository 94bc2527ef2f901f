# %% fast
from collections import Counter

def find_char(s):
    counts = Counter(s)
    for ch in s:
        if counts[ch] == 1:
            return ch
    return ""


# %% fast
def find_char(s):
    counts = {}
    for ch in s:
        counts[ch] = counts.get(ch, 0) + 1
    for ch in counts:
        if counts[ch] == 1:
            return ch
    return ""


# %% slow
def find_char(s):
    for ch in s:
        if s.count(ch) == 1:
            return ch
    return ""


# %% slow
def find_char(s):
    for x in s:
        total = 0
        for y in s:
            if x == y:
                total += 1
        if total == 1:
            return x
    return ""
