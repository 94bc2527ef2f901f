"""Problem -> Candidate: the Ray Data actor that writes with a vLLM engine.

`PolicyEngine` takes problem ids and passes each one on as soon as all samples of its assignment
have ended and are committed, while others are still being written; the sandbox actors behind it
start at once. It makes an engine of its own for every policy, or asks one that outlives it
(`engine_keeper`). A problem that has its candidates passes through. With
generate.max_reasoning_tokens a sample is two requests: its thoughts, and then the answer behind
them.

A problem that no candidate can be written for is quarantined. Of the problems that an engine was
writing for when it died one may be to blame: they are tried again fewer at a time, in the end each
alone, so that the others are not lost with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from skeldpo.accounts.actors import ActorNote
from skeldpo.accounts.quarantine import Quarantined, Tries, keep
from skeldpo.answers import CUT_OFF, Wanted, read_answer
from skeldpo.checkpoints import Checkpoint, local_folder
from skeldpo.config import GenerateConfig, PolicyConfig
from skeldpo.generate.engine import Answer, Asked, Engine, Text, bind_process, start_engine
from skeldpo.generate.engine_keeper import EngineGone, KeptEngine, Order, connect_keeper
from skeldpo.prompts import Prompts
from skeldpo.records import Assignment, Candidate, Float32, content_id
from skeldpo.special_tokens import read_tokenizer
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, Store

_BETWEEN = "\0"
"""Between problem and sample in the id of a request for the answer to thoughts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writing:
    """A problem whose samples are being written; thoughts that have ended, and whole samples, by
    their index."""

    assignment: Assignment
    prompt_ids: list[int]
    thoughts: dict[int, Text] = field(default_factory=dict)
    written: dict[int, Text] = field(default_factory=dict)


class PolicyEngine:
    """A `map_batches` class: problem ids in, the same ids out as their candidates are there.
    `keepers` are actors with engines (`EngineKeeper`), one of which it asks."""

    def __init__(
        self,
        *,
        checkpoint: Checkpoint,
        policy: PolicyConfig,
        generate: GenerateConfig,
        output: str,
        pass_id: str = "",
        keepers: Sequence[Any] = (),
    ) -> None:
        self._store = Store(output)
        self._note = ActorNote(self._store, "engine", pass_id)
        self._tries = Tries(self._store, "generate", pass_id, self._note.host_id, self._note.name)
        with self._note.named("starting"):
            order = Order(checkpoint=checkpoint, policy=policy, generate=generate)
            how = self._start(order, pass_id, keepers)
        self._note.ready(how)

    def _start(self, order: Order, pass_id: str, keepers: Sequence[Any]) -> str:
        """How the engine came to the policy, if it is one that is kept."""
        checkpoint, policy, generate = order.checkpoint, order.policy, order.generate
        bind_process(generate)
        folder = local_folder(checkpoint, weights=not keepers)
        self._model_id = checkpoint.model_id
        self._generate = generate
        self._prompts = Prompts(read_tokenizer(folder), policy)
        self._max_model_tokens = policy.max_model_tokens
        self._reasoning_end = policy.reasoning_marks[1]
        self._engine: Engine | KeptEngine
        if keepers:
            self._engine, how = connect_keeper(keepers, pass_id, order)
            return how
        self._engine = start_engine(folder, policy, generate)
        return ""

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
        for group in self._groups([str(problem_id) for problem_id in batch["problem_id"]]):
            with self._note.named(_named(group)):
                try:
                    for problem_id in self._write(group):
                        yield {"problem_id": [problem_id]}
                except EngineGone as error:
                    self._end(group, error)
            self._tries.end(group)

    def _groups(self, problem_ids: list[str], depth: int = 0) -> Iterator[list[str]]:
        """The problems, all together at the first try. `depth`: tries in larger groups."""
        last = self._tries.begin(problem_ids)
        if last.num_tries == 1:
            yield problem_ids
            return
        if len(problem_ids) > 1:
            # As many as fill the engine, then each alone.
            full = max(1, self._generate.max_num_seqs // self._generate.num_samples)
            size = full if full < len(problem_ids) else 1
            for start in range(0, len(problem_ids), size):
                yield from self._groups(problem_ids[start : start + size], depth + 1)
            return
        (problem_id,) = problem_ids
        num_tries = depth + last.num_tries - 1
        is_written = self._store.has_part(CANDIDATES, problem_id)
        if num_tries > self._generate.max_retries and not is_written:
            (assignment,) = self._store.read_part(ASSIGNMENTS, problem_id, Assignment)
            self._give_up(assignment, self._tries.given_up(problem_id, last, num_tries))
        yield problem_ids

    def _write(self, problem_ids: Sequence[str]) -> Iterator[str]:
        """Ids of problems as their candidates are committed."""
        waiting: dict[str, _Writing] = {}
        for problem_id in problem_ids:
            if self._store.has_part(CANDIDATES, problem_id):
                yield problem_id
                continue
            (assignment,) = self._store.read_part(ASSIGNMENTS, problem_id, Assignment)
            writing, refusal = self._begin(assignment)
            if writing is None:
                self._give_up(assignment, self._tries.refused(problem_id, refusal))
                yield problem_id
            else:
                waiting[problem_id] = writing
        self._note.begin()
        while waiting:
            for answer in self._step(problem_ids):
                problem_id = answer.request_id.partition(_BETWEEN)[0]
                if problem_id not in waiting:
                    continue  # given up: the answers to its other thoughts
                writing = waiting[problem_id]
                refusal = self._take(writing, answer)
                if refusal:
                    self._give_up(writing.assignment, self._tries.refused(problem_id, refusal))
                elif len(writing.written) == writing.assignment.num_samples:
                    self._commit(writing)
                else:
                    continue
                del waiting[problem_id]
                yield problem_id
        self._note.end()

    def _step(self, problem_ids: Sequence[str]) -> list[Answer]:
        """Requests that are finished. An engine that raises is in no known state."""
        try:
            answers = self._engine.step()
        except Exception as error:  # of many kinds, and none says whose request it was
            self._end(problem_ids, error)
        self._note.wrote(
            sum(len(text.token_ids) for answer in answers for text in answer.texts),
            lambda: self._engine.num_unfinished_tokens,
        )
        return answers

    def _end(self, problem_ids: Sequence[str], error: Exception) -> NoReturn:
        """Ends the process, for Ray to start another, as what an engine failed of."""
        self._tries.fail(problem_ids, f"the engine failed: {type(error).__name__}: {error}")
        os._exit(1)

    def _give_up(self, assignment: Assignment, row: Quarantined) -> None:
        """Commits why a problem has no candidates but those that were given."""
        keep(self._store, row)
        self._store.write_part(CANDIDATES, row.problem_id, Candidate, assignment.candidates)

    def _begin(self, assignment: Assignment) -> tuple[_Writing | None, str]:
        """Asks the engine for the candidates; or why it cannot write any."""
        problem = assignment.problem
        try:
            prompt_ids = self._prompts.code_prompt_ids(
                problem.statement, problem.starter_code, problem.language
            )
        except Exception as error:  # a template's own
            return None, f"its prompt cannot be made: {type(error).__name__}: {error}"
        if self._max_model_tokens - len(prompt_ids) < 1:
            return None, (
                f"its prompt has {len(prompt_ids)} tokens, policy.max_model_tokens is "
                f"{self._max_model_tokens}"
            )
        writing = _Writing(assignment=assignment, prompt_ids=prompt_ids)
        asked = self._asked(
            assignment,
            num_samples=assignment.num_samples,
            seed=assignment.seed,
            thinks=self._generate.max_reasoning_tokens > 0,
        )
        refusal = self._request(problem.problem_id, prompt_ids, asked)
        return (None, refusal) if refusal else (writing, "")

    def _take(self, writing: _Writing, answer: Answer) -> str:
        """Keeps samples that have ended, and asks for the answers to thoughts that have; why the
        engine refuses one, else empty."""
        problem_id, _, number = answer.request_id.partition(_BETWEEN)
        for text in answer.texts:
            if number:
                thoughts = writing.thoughts[int(number)]
                writing.written[int(number)] = replace(
                    text,
                    token_ids=thoughts.token_ids + text.token_ids,
                    logps=thoughts.logps + text.logps,
                )
            elif not self._is_thought(text):
                writing.written[text.index] = text
            elif len(writing.prompt_ids) + len(text.token_ids) >= self._max_model_tokens:
                writing.written[text.index] = replace(text, finish_reason=CUT_OFF)
            else:
                writing.thoughts[text.index] = text
                asked = self._asked(
                    writing.assignment,
                    num_samples=1,
                    seed=_answer_seed(writing.assignment.seed, text.index),
                    thinks=False,
                )
                refusal = self._request(
                    f"{problem_id}{_BETWEEN}{text.index}",
                    [*writing.prompt_ids, *text.token_ids],
                    asked,
                )
                if refusal:
                    return refusal
        return ""

    def _is_thought(self, text: Text) -> bool:
        """Whether what was written ends with the mark that an answer follows."""
        return self._generate.max_reasoning_tokens > 0 and text.stop == self._reasoning_end

    def _request(self, request_id: str, prompt_ids: list[int], asked: Asked) -> str:
        """Why vLLM refuses it, else empty."""
        room = self._max_model_tokens - len(prompt_ids)
        asked = replace(asked, max_tokens=max(1, min(asked.max_tokens, room)))
        try:
            self._engine.add_request(request_id, prompt_ids, asked)
        except EngineGone:
            raise
        except Exception as error:  # of many kinds
            return f"vLLM refused it: {type(error).__name__}: {error}"
        return ""

    def _asked(self, assignment: Assignment, *, num_samples: int, seed: int, thinks: bool) -> Asked:
        """How samples are drawn, of thoughts or of whole answers and those behind thoughts."""
        generate = self._generate
        return Asked(
            num_samples=num_samples,
            temperature=assignment.temperature,
            top_p=generate.top_p,
            max_tokens=generate.max_reasoning_tokens if thinks else generate.max_tokens,
            seed=seed,
            stop_token_ids=tuple(self._prompts.stop_token_ids),
            stop=(self._reasoning_end,) if thinks else generate.stop,
        )

    def _commit(self, writing: _Writing) -> None:
        assignment = writing.assignment
        key = assignment.problem.problem_id
        try:
            written = [self._candidate(writing, index) for index in sorted(writing.written)]
        except Exception as error:  # of an answer that nobody thought of
            refusal = f"its answers cannot be read: {type(error).__name__}: {error}"
            self._give_up(assignment, self._tries.refused(key, refusal))
        else:
            self._store.write_part(CANDIDATES, key, Candidate, (*assignment.candidates, *written))

    def _candidate(self, writing: _Writing, index: int) -> Candidate:
        assignment, text = writing.assignment, writing.written[index]
        token_ids = text.token_ids
        problem_id = assignment.problem.problem_id
        language = assignment.problem.language
        asked = Wanted(language=language, entry_point=assignment.problem.entry_point)
        answer_ids = token_ids[self._prompts.num_reasoning_tokens(token_ids) :]
        return Candidate(
            candidate_id=content_id(
                problem_id, self._model_id, assignment.round_index, index, token_ids
            ),
            problem_id=problem_id,
            language=language,
            code=read_answer(self._prompts.decode(answer_ids, language), asked).code,
            origin="sampled",
            model_id=self._model_id,
            round_index=assignment.round_index,
            sample_index=index,
            seed=assignment.seed,
            finish_reason=text.finish_reason,
            prompt_token_ids=tuple(writing.prompt_ids),
            completion_token_ids=token_ids,
            completion_logps=tuple(map(Float32, text.logps)),
        )


def _answer_seed(seed: int, index: int) -> int:
    """Of the answer to a sample's thoughts. With the seed of these (vLLM gives sample `index` of a
    request seed + index) it would be drawn with the same numbers again, token by token, so what is
    answered would hang on what was thought in a way that the policy has no part in."""
    return int(content_id("answer", seed, index), 16) % (1 << 31)


def _named(problem_ids: Sequence[str]) -> str:
    first, *others = problem_ids
    return f"problem {first}" + f" and {len(others)} others" * bool(others)
