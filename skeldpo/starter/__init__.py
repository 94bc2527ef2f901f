"""The starter policy: a small Qwen2 model trained from scratch on the known programs.

`train_starter` makes, in two minutes on two CPU cores, a Hugging Face folder whose model writes
correct programs, fast and slow ones, for problems it has not seen in that wording. It exists so
that a whole run works offline on a laptop; it is no general code model, and knows nothing but the
families it was trained on.
"""

from skeldpo.starter.families import FAMILIES
from skeldpo.starter.pretrain import StarterResult, train_starter

__all__ = ["FAMILIES", "StarterResult", "train_starter"]
