# %% fast
def join_words(words, sep):
    return sep.join(words[::-1])


# %% fast
def join_words(words, sep):
    result = []
    for word in words:
        result.append(word)
    result.reverse()
    return sep.join(result)


# %% fast
from collections import deque

def join_words(words, sep):
    result = deque()
    for word in words:
        result.appendleft(word)
    return sep.join(result)


# %% slow
def join_words(words, sep):
    result = []
    for word in words:
        result.insert(0, word)
    return sep.join(result)


# %% slow
def join_words(words, sep):
    result = []
    for word in words:
        result = [word] + result
    return sep.join(result)
