# %% fast
from collections import deque

def join_words(words, sep):
    result = deque()
    for i, word in enumerate(words):
        if i % 2 == 1:
            result.appendleft(word)
        else:
            result.append(word)
    return sep.join(result)


# %% fast
def join_words(words, sep):
    front = []
    back = []
    for i, word in enumerate(words):
        if i % 2 == 1:
            front.append(word)
        else:
            back.append(word)
    return sep.join(front[::-1] + back)


# %% slow
def join_words(words, sep):
    result = []
    for i, word in enumerate(words):
        if i % 2 == 1:
            result.insert(0, word)
        else:
            result.append(word)
    return sep.join(result)


# %% slow
def join_words(words, sep):
    result = []
    for i, word in enumerate(words):
        if i % 2 == 1:
            result = [word] + result
        else:
            result = result + [word]
    return sep.join(result)
