# %% fast
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    have = Counter()
    total = 0
    for i, ch in enumerate(s):
        have[ch] += 1
        if i >= n:
            have[s[i - n]] -= 1
        if have == need:
            total += 1
    return total


# %% fast
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    missing = n
    total = 0
    for i, ch in enumerate(s):
        missing -= need[ch] > 0
        need[ch] -= 1
        if i >= n:
            need[s[i - n]] += 1
            missing += need[s[i - n]] > 0
        if missing == 0:
            total += 1
    return total


# %% slow
def find_anagrams(s, p):
    n = len(p)
    need = sorted(p)
    total = 0
    for i in range(len(s) - n + 1):
        if sorted(s[i:i + n]) == need:
            total += 1
    return total


# %% slow
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    return sum(1 for i in range(len(s) - n + 1) if Counter(s[i:i + n]) == need)
