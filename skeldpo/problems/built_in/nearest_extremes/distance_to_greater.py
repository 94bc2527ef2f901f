# %% fast
def nearest_element(nums):
    result = [0] * len(nums)
    stack = []
    for i, x in enumerate(nums):
        while stack and nums[stack[-1]] < x:
            j = stack.pop()
            result[j] = i - j
        stack.append(i)
    return result


# %% fast
def nearest_element(nums):
    result = [0] * len(nums)
    stack = []
    for i in range(len(nums) - 1, -1, -1):
        while stack and nums[stack[-1]] <= nums[i]:
            stack.pop()
        if stack:
            result[i] = stack[-1] - i
        stack.append(i)
    return result


# %% slow
def nearest_element(nums):
    result = [0] * len(nums)
    for i in range(len(nums)):
        for j in range(i + 1, len(nums)):
            if nums[j] > nums[i]:
                result[i] = j - i
                break
    return result


# %% slow
def nearest_element(nums):
    result = []
    for i, x in enumerate(nums):
        part = nums[i + 1:]
        result.append(next((j + 1 for j, y in enumerate(part) if y > x), 0))
    return result
