# %% fast
def clean_list(nums):
    return list(dict.fromkeys(nums[::-1]))[::-1]


# %% fast
def clean_list(nums):
    last = {}
    for i, x in enumerate(nums):
        last[x] = i
    return [x for i, x in enumerate(nums) if last[x] == i]


# %% slow
def clean_list(nums):
    result = []
    for x in nums:
        if x in result:
            result.remove(x)
        result.append(x)
    return result


# %% slow
def clean_list(nums):
    result = []
    for i in range(len(nums)):
        if nums[i] not in nums[i + 1:]:
            result.append(nums[i])
    return result
