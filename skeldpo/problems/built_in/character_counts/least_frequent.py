# %% fast
from collections import Counter

def find_char(s):
    counts = Counter(s)
    return min(counts, key=counts.get, default="")


# %% fast
def find_char(s):
    counts = {}
    for ch in s:
        counts[ch] = counts.get(ch, 0) + 1
    best = ""
    for ch in counts:
        if best == "" or counts[ch] < counts[best]:
            best = ch
    return best


# %% slow
def find_char(s):
    return min(s, key=s.count, default="")


# %% slow
def find_char(s):
    best = ""
    least = len(s) + 1
    for ch in s:
        total = s.count(ch)
        if total < least:
            best = ch
            least = total
    return best


# %% slow
def find_char(s):
    best = ""
    least = len(s) + 1
    for x in s:
        total = 0
        for y in s:
            if x == y:
                total += 1
        if total < least:
            best = x
            least = total
    return best
