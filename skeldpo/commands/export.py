"""`skeldpo export`: pairs as a data set that another trainer takes.

TRL's DPOTrainer reads a `datasets` folder with the columns prompt, chosen and rejected, as text or
as messages; nothing has to be changed. The joint loss becomes two rows for a pair with skeletons.
What it cannot carry: exact token ids, the weight of a pair, skeleton_weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from skeldpo.config import PolicyConfig, Section
from skeldpo.languages import language
from skeldpo.prompts import Asked, instruction, question
from skeldpo.records import PairStage, PreferencePair
from skeldpo.storage.files import absolute_place, folder_and_name, is_url
from skeldpo.storage.node_cache import push_files
from skeldpo.storage.scratch import scratch_folder
from skeldpo.storage.store import Store

Shape = Literal["text", "messages"]


class ExportSections(Section):
    """What --set may name."""

    policy: PolicyConfig = PolicyConfig(model="")


def read_pairs(path: str, stage: PairStage) -> list[PreferencePair]:
    """The pairs of a stage; ValueError if the file has none."""
    folder, name = folder_and_name(path)
    pairs = Store(folder).read_records(name, PreferencePair)
    found = [pair for pair in pairs if pair.stage == stage]
    if not found:
        raise ValueError(f"{path} has no {stage} pairs (of {len(pairs)}); see --stage")
    return found


def export_trl(
    pairs: Sequence[PreferencePair],
    folder: str,
    *,
    policy: PolicyConfig,
    shape: Shape,
    with_skeletons: bool,
) -> int:
    """Writes a `datasets` folder of the pairs in their order; returns its number of rows.

    `policy` has the instructions. The messages are for a chat model, whose template TRL applies;
    their programs are fenced, as in our own training, and so is what an answer begins with.
    """
    from datasets import Dataset

    place = absolute_place(folder)
    if Store(place).exists(""):
        raise ValueError(f"{folder} exists already; give another --out, or remove it")
    rows = [row for pair in pairs for row in preference_rows(pair, policy, shape, with_skeletons)]
    if is_url(place):
        with scratch_folder() as here:
            Dataset.from_list(rows).save_to_disk(here)
            push_files(here, place)
    else:
        Dataset.from_list(rows).save_to_disk(place)
    return len(rows)


def preference_rows(
    pair: PreferencePair, policy: PolicyConfig, shape: Shape, with_skeletons: bool
) -> Iterator[dict[str, Any]]:
    """The rows of one pair: its code, and its skeletons if it has them and they are wanted."""
    texts: list[tuple[Asked, str, str]] = [("code", pair.chosen.code, pair.rejected.code)]
    if with_skeletons and pair.chosen.skeleton.text:
        texts.append(("skeleton", pair.chosen.skeleton.text, pair.rejected.skeleton.text))
    for asked, chosen, rejected in texts:
        is_chat = shape == "messages"
        asking = instruction(
            policy, asked, pair.language, starter_code=pair.starter_code, is_chat=is_chat
        )
        prompt = question(pair.statement, pair.starter_code, asking, pair.language, is_chat=is_chat)
        if is_chat:
            yield {
                "prompt": [{"role": "user", "content": prompt}],
                "chosen": _answer(chosen, pair.language),
                "rejected": _answer(rejected, pair.language),
            }
        else:
            yield {
                "prompt": prompt + "\n",
                "chosen": chosen.rstrip() + "\n",
                "rejected": rejected.rstrip() + "\n",
            }


def _answer(code: str, language_name: str) -> list[dict[str, str]]:
    label = language(language_name).FENCES.label
    return [{"role": "assistant", "content": f"```{label}\n{code.rstrip()}\n```"}]
