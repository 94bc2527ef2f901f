# %% fast
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    have = Counter()
    last = -1
    for i, ch in enumerate(s):
        have[ch] += 1
        if i >= n:
            have[s[i - n]] -= 1
        if have == need:
            last = i - n + 1
    return last


# %% fast
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    missing = n
    last = -1
    for i, ch in enumerate(s):
        missing -= need[ch] > 0
        need[ch] -= 1
        if i >= n:
            need[s[i - n]] += 1
            missing += need[s[i - n]] > 0
        if missing == 0:
            last = i - n + 1
    return last


# %% slow
def find_anagrams(s, p):
    n = len(p)
    need = sorted(p)
    last = -1
    for i in range(len(s) - n + 1):
        if sorted(s[i:i + n]) == need:
            last = i
    return last


# %% slow
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    last = -1
    for i in range(len(s) - n + 1):
        if Counter(s[i:i + n]) == need:
            last = i
    return last
