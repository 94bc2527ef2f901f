"""Trains a network: what every learner needs, and the learners.

learners/  what a round teaches and with which loss, a module each; contract.py first
batch      prefix trees, packed in a row; sequences: a row each
kinds      which models can be computed in trees, from what they are
packing    which examples go through the model together, by a budget of tokens
passes     the forward passes of a step, and in which pieces a long example goes through
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
group      Ray Train's workers, and their waits for nodes
trainer    the Ray Train entry; with group the only module here that imports Ray
"""
