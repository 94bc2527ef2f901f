# %% fast
def clean_list(nums):
    return list(dict.fromkeys(nums))


# %% fast
def clean_list(nums):
    seen = set()
    result = []
    for x in nums:
        if x not in seen:
            seen.add(x)
            result.append(x)
    return result


# %% slow
def clean_list(nums):
    result = []
    for x in nums:
        if x not in result:
            result.append(x)
    return result


# %% slow
def clean_list(nums):
    result = []
    for i in range(len(nums)):
        if nums[i] not in nums[:i]:
            result.append(nums[i])
    return result
