# %% fast
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    have = Counter()
    for i, ch in enumerate(s):
        have[ch] += 1
        if i >= n:
            have[s[i - n]] -= 1
        if have == need:
            return i - n + 1
    return -1


# %% fast
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    missing = n
    for i, ch in enumerate(s):
        missing -= need[ch] > 0
        need[ch] -= 1
        if i >= n:
            need[s[i - n]] += 1
            missing += need[s[i - n]] > 0
        if missing == 0:
            return i - n + 1
    return -1


# %% slow
def find_anagrams(s, p):
    n = len(p)
    need = sorted(p)
    for i in range(len(s) - n + 1):
        if sorted(s[i:i + n]) == need:
            return i
    return -1


# %% slow
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    for i in range(len(s) - n + 1):
        if Counter(s[i:i + n]) == need:
            return i
    return -1
