"""Trains the policy on preference pairs: joint code and skeleton DPO over prefix trees.

batch      pairs -> token ids -> prefix trees and their attention mask
loss       log-probabilities of answers, the loss and its metrics (pure)
model      load, LoRA, FSDP2, save as a Hugging Face folder
reference  log-probabilities of all pairs under the start weights
loop       the plan of steps and the main loop; checkpoint: save and resume
trainer    the Ray Train entry; the only module here that imports Ray
"""
