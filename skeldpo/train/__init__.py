"""Trains a network: what every learner needs, and the learners.

learners/  what a round teaches and with which loss, a module each; contract.py first
batch      prefix trees, packed in a row
packing    which examples go through the model together, by a budget of tokens
attention  who sees whom in the row, for each kind of device
logps      log-probabilities of scored tokens (pure)
network    load, FSDP2, save as a Hugging Face folder; card: its README.md
adapters   LoRA and QLoRA
reference  log-probabilities of all examples under the start weights
loop       the plan of steps and the main loop; resume: save its state and go on
trainer    the Ray Train entry; the only module here that imports Ray
"""
