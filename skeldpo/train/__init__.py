"""Trains the policy on preference pairs: joint code and skeleton DPO over prefix trees.

batch      pairs -> token ids -> prefix trees, packed in a row
packing    which pairs go through the model together, by a budget of tokens
attention  who sees whom in the row, for each kind of device
loss       log-probabilities of answers, the losses and their metrics (pure)
network    load, FSDP2, save as a Hugging Face folder; card: its README.md
adapters   LoRA and QLoRA
reference  log-probabilities of all pairs under the start weights
loop       the plan of steps and the main loop; resume: save its state and go on
trainer    the Ray Train entry; the only module here that imports Ray
"""
