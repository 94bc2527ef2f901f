# %% fast
def distinct_window(nums):
    seen = set()
    i = best = total = 0
    for x in nums:
        while x in seen:
            seen.remove(nums[i])
            total -= nums[i]
            i += 1
        seen.add(x)
        total += x
        best = max(best, total)
    return best


# %% fast
def distinct_window(nums):
    last = {}
    sums = [0]
    i = best = 0
    for j, x in enumerate(nums):
        sums.append(sums[-1] + x)
        if x in last:
            i = max(i, last[x] + 1)
        last[x] = j
        best = max(best, sums[j + 1] - sums[i])
    return best


# %% slow
def distinct_window(nums):
    best = 0
    for i in range(len(nums)):
        seen = set()
        j = i
        while j < len(nums) and nums[j] not in seen:
            seen.add(nums[j])
            j += 1
        best = max(best, sum(seen))
    return best


# %% slow
def distinct_window(nums):
    part = []
    best = 0
    for x in nums:
        if x in part:
            part = part[part.index(x) + 1:]
        part.append(x)
        best = max(best, sum(part))
    return best
