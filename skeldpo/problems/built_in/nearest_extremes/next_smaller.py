# %% fast
def nearest_element(nums):
    result = [-1] * len(nums)
    stack = []
    for i, x in enumerate(nums):
        while stack and nums[stack[-1]] > x:
            j = stack.pop()
            result[j] = x
        stack.append(i)
    return result


# %% fast
def nearest_element(nums):
    result = []
    stack = []
    for x in nums[::-1]:
        while stack and not stack[-1] < x:
            stack.pop()
        if stack:
            result.append(stack[-1])
        else:
            result.append(-1)
        stack.append(x)
    return result[::-1]


# %% slow
def nearest_element(nums):
    result = [-1] * len(nums)
    for i in range(len(nums)):
        for j in range(i + 1, len(nums)):
            if nums[j] < nums[i]:
                result[i] = nums[j]
                break
    return result


# %% slow
def nearest_element(nums):
    result = []
    for i, x in enumerate(nums):
        result.append(next((y for y in nums[i + 1:] if y < x), -1))
    return result
