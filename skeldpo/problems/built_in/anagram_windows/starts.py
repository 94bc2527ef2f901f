# %% fast
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    have = Counter()
    result = []
    for i, ch in enumerate(s):
        have[ch] += 1
        if i >= n:
            have[s[i - n]] -= 1
        if have == need:
            result.append(i - n + 1)
    return result


# %% fast
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    missing = n
    result = []
    for i, ch in enumerate(s):
        missing -= need[ch] > 0
        need[ch] -= 1
        if i >= n:
            need[s[i - n]] += 1
            missing += need[s[i - n]] > 0
        if missing == 0:
            result.append(i - n + 1)
    return result


# %% slow
def find_anagrams(s, p):
    n = len(p)
    need = sorted(p)
    result = []
    for i in range(len(s) - n + 1):
        if sorted(s[i:i + n]) == need:
            result.append(i)
    return result


# %% slow
from collections import Counter

def find_anagrams(s, p):
    n = len(p)
    need = Counter(p)
    return [i for i in range(len(s) - n + 1) if Counter(s[i:i + n]) == need]
