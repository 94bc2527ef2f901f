# %% fast
def distinct_window(nums):
    seen = set()
    total = min(1, len(nums))
    for x in nums:
        if x in seen:
            total += 1
            seen = set()
        seen.add(x)
    return total


# %% fast
def distinct_window(nums):
    last = {}
    i = 0
    total = min(1, len(nums))
    for j, x in enumerate(nums):
        if x in last and last[x] >= i:
            total += 1
            i = j
        last[x] = j
    return total


# %% slow
def distinct_window(nums):
    part = []
    total = min(1, len(nums))
    for x in nums:
        if x in part:
            total += 1
            part = []
        part.append(x)
    return total


# %% slow
def distinct_window(nums):
    i = 0
    total = min(1, len(nums))
    for j, x in enumerate(nums):
        if x in nums[i:j]:
            total += 1
            i = j
    return total
