# %% fast
def distinct_window(nums):
    last = {}
    i = 0
    result = []
    for j, x in enumerate(nums):
        if x in last:
            i = max(i, last[x] + 1)
        last[x] = j
        result.append(j - i + 1)
    return result


# %% fast
def distinct_window(nums):
    seen = set()
    i = 0
    result = []
    for j, x in enumerate(nums):
        while x in seen:
            seen.remove(nums[i])
            i += 1
        seen.add(x)
        result.append(len(seen))
    return result


# %% slow
def distinct_window(nums):
    part = []
    result = []
    for x in nums:
        if x in part:
            part = part[part.index(x) + 1:]
        part.append(x)
        result.append(len(part))
    return result


# %% slow
def distinct_window(nums):
    result = []
    for j in range(len(nums)):
        seen = set()
        i = j
        while i >= 0 and nums[i] not in seen:
            seen.add(nums[i])
            i -= 1
        result.append(j - i)
    return result
