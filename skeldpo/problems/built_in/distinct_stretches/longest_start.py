# %% fast
def distinct_window(nums):
    last = {}
    i = best = 0
    start = -1
    for j, x in enumerate(nums):
        if x in last:
            i = max(i, last[x] + 1)
        last[x] = j
        if j - i >= best:
            best = j - i + 1
            start = i
    return start


# %% fast
def distinct_window(nums):
    seen = set()
    i = best = 0
    start = -1
    for j, x in enumerate(nums):
        while x in seen:
            seen.remove(nums[i])
            i += 1
        seen.add(x)
        if len(seen) > best:
            best = len(seen)
            start = i
    return start


# %% slow
def distinct_window(nums):
    best = 0
    start = -1
    for i in range(len(nums)):
        seen = set()
        j = i
        while j < len(nums) and nums[j] not in seen:
            seen.add(nums[j])
            j += 1
        if j - i > best:
            best = j - i
            start = i
    return start


# %% slow
def distinct_window(nums):
    part = []
    best = 0
    start = -1
    for j, x in enumerate(nums):
        if x in part:
            part = part[part.index(x) + 1:]
        part.append(x)
        if len(part) > best:
            best = len(part)
            start = j - best + 1
    return start
