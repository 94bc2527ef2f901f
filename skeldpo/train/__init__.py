"""Trains a network: what every learner needs, and the learners.

learners/  what a round teaches and with which loss, a module each; contract.py first
batch      prefix trees, packed in a row
packing    which examples go through the model together, by a budget of tokens
attention  who sees whom in the row, for each kind of device
logps      log-probabilities of scored tokens (pure)
start      the folders that a training starts from
network    the network, and FSDP2; adapters: LoRA and QLoRA
loading    a folder as a network; saving: a network as a folder; card: its README.md
weights    slices of safetensors files, in and out
agreement  the sampler's log-probabilities against the trainer's
reference  log-probabilities of all examples under the start weights
loop       the plan of steps and the main loop; resume: save its state and go on
progress   lines of it
trainer    the Ray Train entry; the only module here that imports Ray
"""
