# %% fast
from collections import Counter

def find_char(s):
    counts = Counter(s)
    return max(counts, key=counts.get, default="")


# %% fast
def find_char(s):
    counts = {}
    for ch in s:
        counts[ch] = counts.get(ch, 0) + 1
    best = ""
    for ch in counts:
        if best == "" or counts[ch] > counts[best]:
            best = ch
    return best


# %% slow
def find_char(s):
    return max(s, key=s.count, default="")


# %% slow
def find_char(s):
    best = ""
    most = 0
    for ch in s:
        total = s.count(ch)
        if total > most:
            best = ch
            most = total
    return best


# %% slow
def find_char(s):
    best = ""
    most = 0
    for x in s:
        total = 0
        for y in s:
            if x == y:
                total += 1
        if total > most:
            best = x
            most = total
    return best
