"""Prompts and completions as token ids, with the kinds of tokenizers that policies have."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tiny_policy import EOS, byte_tokenizer
from tokenizers import Tokenizer, decoders, models, processors
from tokenizers.pre_tokenizers import ByteLevel
from transformers import LlamaTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from skeldpo.answers import Wanted, read_answer
from skeldpo.config import PolicyConfig
from skeldpo.prompts import Prompts

TEMPLATE = (
    "{{ bos_token or '' }}{% for message in messages %}<user>{{ message['content'] }}</user>"
    "{% endfor %}{% if add_generation_prompt %}<answer>{% endif %}"
)


def _policy(prompt_format: str = "auto") -> PolicyConfig:
    return PolicyConfig.model_validate(
        {
            "model": "tiny",
            "prompt_format": prompt_format,
            "code_instruction": "[CODE]",
            "skeleton_instruction": "[SKELETON]",
        }
    )


def _vocabulary() -> dict[str, int]:
    tokens = [*sorted(ByteLevel.alphabet()), "<s>", "</s>"]
    return {token: index for index, token in enumerate(tokens)}


def _llama2_like() -> PreTrainedTokenizerBase:
    """Says `add_bos_token`."""
    tokenizer: PreTrainedTokenizerBase = LlamaTokenizer(
        vocab=_vocabulary(), merges=[], unk_token=None, add_bos_token=True
    )
    return tokenizer


def _llama3_like() -> PreTrainedTokenizerBase:
    """Adds BOS in a post-processor, and does not say so."""
    vocabulary = _vocabulary()
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")


def _shared(left: Sequence[int], right: Sequence[int]) -> int:
    return next(i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)


def _told(ids: Sequence[int]) -> str:
    return str(byte_tokenizer().decode(ids))


def test_prompts_tokenizer_without_eos_is_refused() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(ValueError, match="tokenizer of tiny has no EOS token.*eos_token in"):
        Prompts(tokenizer, _policy())


def test_prompts_chat_without_template_is_refused() -> None:
    with pytest.raises(ValueError, match='prompt_format is "chat".*no chat template; use "plain"'):
        Prompts(byte_tokenizer(), _policy("chat"))


@pytest.mark.parametrize(
    "template",
    [
        "{% if messages[0].role != 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
        "{% for m in messages %}{{ m.content }}{% endfor %}",
        "{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}",
        "{% for m in messages %}{{ m.content[0]['text'] + eos_token }}{% endfor %}",
    ],
)
def test_template_that_does_not_take_a_user_turn_is_refused(template: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    with pytest.raises(ValueError, match="does not take a conversation of one user's turn"):
        Prompts(tokenizer, PolicyConfig(model="tiny"))
    Prompts(tokenizer, PolicyConfig(model="tiny", prompt_format="plain"))


def test_plain_prompt_is_statement_starter_and_instruction() -> None:
    prompts = Prompts(byte_tokenizer(), _policy())
    ids = prompts.code_prompt_ids(" Add one.\n", "def f(x):\n")
    assert _told(ids) == "Add one.\ndef f(x):\n[CODE]\n"
    assert _told(prompts.skeleton_prompt_ids("Add.", "")) == "Add.\n[SKELETON]\n"


def test_chat_model_is_told_to_keep_a_function_that_is_given() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    prompts = Prompts(tokenizer, PolicyConfig(model="tiny"))
    asked = {
        starter: _told(prompts.code_prompt_ids("Add.", starter)).splitlines()[-1]
        for starter in ("def f(x):", "")
    }
    assert asked["def f(x):"] == (
        "Write a self-contained Python program that solves this problem. Keep the name and the "
        "parameters of the function as they are given. Answer with one markdown code block."
        "</user><answer>```python"
    )
    assert asked[""] == (
        "Write a self-contained Python program that solves this problem. Answer with one markdown "
        "code block.</user><answer>```python"
    )


def test_completion_ends_with_one_eos() -> None:
    tokenizer = byte_tokenizer()
    prompts = Prompts(tokenizer, _policy())
    ids = prompts.completion_ids("x = 1\n\n", "python")
    assert ids.count(prompts.eos_token_id) == 1
    assert ids[-1] == prompts.eos_token_id == tokenizer.convert_tokens_to_ids(EOS)
    assert prompts.decode(ids) == "x = 1\n"


def test_chat_prompt_uses_the_template_and_fences_code() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    for prompt_format in ("auto", "chat"):
        prompts = Prompts(tokenizer, _policy(prompt_format))
        text = _told(prompts.code_prompt_ids("Add.", "def f(x):"))
        fenced = "```python\ndef f(x):\n```"
        assert text == f"<user>Add.\n{fenced}\n[CODE]</user><answer>```python\n"
        completion = prompts.completion_ids("x = 1\n", "python")
        assert prompts.decode(completion) == "```python\nx = 1\n```"
        assert completion[-1] == prompts.eos_token_id
    plain = Prompts(tokenizer, _policy("plain"))
    assert _told(plain.code_prompt_ids("Add.", "")) == "Add.\n[CODE]\n"


@pytest.mark.parametrize("make", [_llama2_like, _llama3_like])
@pytest.mark.parametrize("chat", [False, True])
def test_bos_is_there_exactly_once_and_only_in_prompts(make, chat: bool) -> None:  # type: ignore[no-untyped-def]
    tokenizer = make()
    tokenizer.chat_template = TEMPLATE if chat else None
    prompts = Prompts(tokenizer, _policy())
    for ids in (prompts.code_prompt_ids("Add.", ""), prompts.skeleton_prompt_ids("Add.", "")):
        assert ids[0] == tokenizer.bos_token_id
        assert ids.count(tokenizer.bos_token_id) == 1
    assert tokenizer.bos_token_id not in prompts.completion_ids("x = 1", "python")


def test_bos_is_not_added_for_a_tokenizer_that_never_adds_it() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.bos_token = EOS
    prompts = Prompts(tokenizer, _policy())
    assert tokenizer.bos_token_id not in prompts.code_prompt_ids("Add.", "")


@pytest.mark.parametrize("chat", [False, True])
def test_prompts_of_a_problem_share_all_but_the_instruction(chat: bool) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE if chat else None
    prompts = Prompts(tokenizer, _policy())
    statement, starter = "Add one to x. " * 5, "def f(x):"
    code = prompts.code_prompt_ids(statement, starter)
    skeleton = prompts.skeleton_prompt_ids(statement, starter)
    before = _told(code[: _shared(code, skeleton)])
    fenced = f"```python\n{starter}\n```" if chat else starter
    assert before.endswith(f"{statement.strip()}\n{fenced}\n[")


def test_fence_of_a_starter_program_is_longer_than_those_in_it() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    starter = 'def f(x):\n    """Doubles.\n    ```\n    f(2) == 4\n    ```\n    """'
    told = _told(Prompts(tokenizer, _policy()).code_prompt_ids("Double it.", starter))
    assert f"Double it.\n````python\n{starter}\n````\n" in told
    wider = starter.replace("```", "`````")
    told = _told(Prompts(tokenizer, _policy()).code_prompt_ids("Double it.", wider))
    assert f"\n``````python\n{wider}\n``````\n" in told


def test_answers_give_back_what_completions_hold() -> None:
    tokenizer = byte_tokenizer()
    asked = Wanted(language="python")
    program = "def f(x):\n    return '\u00e9' * x\n"
    for template in (None, TEMPLATE):
        tokenizer.chat_template = template
        prompts = Prompts(tokenizer, _policy())
        assert (
            read_answer(prompts.decode(prompts.completion_ids(program, "python")), asked).code
            == program
        )


def _thinking(**settings: object) -> Prompts:
    """A model whose template opens its thoughts in the prompt unless it is switched off."""
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>"
        "{{ '<none/>' if enable_thinking is false else '<think>\n' }}{% endif %}"
    )
    return Prompts(tokenizer, PolicyConfig.model_validate({"model": "tiny", **settings}))


def _ids(prompts: Prompts, text: str) -> list[int]:
    return byte_tokenizer().encode(text)


def test_switches_reach_the_chat_template():
    off = _thinking(chat_template_kwargs={"enable_thinking": False})
    assert _told(off.code_prompt_ids("Add.", "")).endswith("<assistant><none/>")
    on = _thinking()
    assert _told(on.code_prompt_ids("Add.", "")).endswith("<assistant><think>\n")


@pytest.mark.parametrize(
    ("settings", "completion", "thoughts"),
    [
        ({}, "so 2\n</think>\n\nx = 1", "so 2\n</think>"),
        ({}, "never done", "never done"),
        ({"chat_template_kwargs": {"enable_thinking": False}}, "x = '</think>'", ""),
        (
            {"chat_template_kwargs": {"enable_thinking": False}},
            "\n<think>\u00e9</think>x",
            "\n<think>\u00e9</think>",
        ),
        ({"reasoning_marks": ["<think>", "[/T]"]}, "so</think>[/T] y", "so</think>[/T]"),
    ],
)
def test_thoughts_are_told_from_the_answer(settings, completion, thoughts):
    prompts = _thinking(**settings)
    ids = _ids(prompts, completion)
    count = prompts.num_reasoning_tokens(ids)
    assert (ids[:count], ids[count:]) == (
        _ids(prompts, thoughts),
        _ids(prompts, completion.removeprefix(thoughts)),
    )
    assert prompts.read_before_answer(ids) == count
    assert _thinking(**settings, reasoning="trained").read_before_answer(ids) == 0


def test_a_given_program_ends_the_thoughts_that_the_prompt_opens():
    prompts = _thinking()
    ids = prompts.answer_ids("x = 1")
    assert prompts.num_reasoning_tokens(ids) == len(_ids(prompts, "\n</think>"))
    assert prompts.decode(ids) == "```python\nx = 1\n```"


def _chat(template: str, prefill: str, new_token: str = "") -> Prompts:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    if new_token:
        tokenizer.add_tokens([new_token])
    return Prompts(tokenizer, PolicyConfig.model_validate({"model": "tiny", "prefill": prefill}))


@pytest.mark.parametrize(
    ("template", "new_token", "prefill", "begins"),
    [
        (TEMPLATE, "", "auto", True),
        (TEMPLATE, "", "off", False),
        (TEMPLATE, "<think>", "auto", False),
        (TEMPLATE, "<think>", "on", True),
        (TEMPLATE + "{% if False %}</think>{% endif %}", "", "auto", False),
        (TEMPLATE + "{% if messages[0].channel %}{% endif %}", "", "auto", False),
    ],
)
def test_prompt_begins_the_answer_of_a_model_that_does_not_think(
    template, new_token, prefill, begins
):
    """What a prompt has of an answer is not in its ids, and what is read is the same."""
    prompts = _chat(template, prefill, new_token)
    fence = "```python\n"
    for ids in (prompts.code_prompt_ids("Add.", ""), prompts.skeleton_prompt_ids("Add.", "")):
        assert _told(ids).endswith("<answer>" + begins * fence)
    answer = prompts.answer_ids("x = 1\n")
    assert (
        Prompts(byte_tokenizer(), _policy()).decode(answer) == (not begins) * fence + "x = 1\n```"
    )
    assert prompts.decode(answer) == fence + "x = 1\n```"


def test_a_prompt_has_what_the_template_puts_before_an_answer():
    """An empty thought, say: the fence comes after it, and the answer has neither."""
    template = (
        "{% for m in messages %}{% if m.role == 'user' %}<user>{{ m.content }}"
        "{% else %}<answer><none/>{{ m.content }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<answer>{% endif %}"
    )
    prompts = _chat(template, "auto")
    assert _told(prompts.code_prompt_ids("A", "")).endswith("<answer><none/>```python\n")
    assert _told(prompts.answer_ids("x = 1")) == "x = 1\n```" + EOS


def test_a_chat_model_is_asked_in_words_for_one_program_of_the_language():
    tokenizer = byte_tokenizer()
    config = PolicyConfig(model="tiny")
    plain = Prompts(tokenizer, config)
    assert "[GEN_CODE] " in _told(plain.code_prompt_ids("Add.", ""))
    tokenizer.chat_template = TEMPLATE
    chat = Prompts(tokenizer, config)
    texts = [
        _told(ids) for ids in (chat.code_prompt_ids("A", ""), chat.skeleton_prompt_ids("A", ""))
    ]
    assert all("[" not in text and " Python " in text for text in texts)
    own = Prompts(tokenizer, PolicyConfig(model="tiny", code_instruction="In {language}, {fast}."))
    assert "In Python, {fast}." in _told(own.code_prompt_ids("A", "", "python"))
    kept = Prompts(tokenizer, PolicyConfig(model="tiny", code_instruction="{signature}Be brief."))
    given = "Keep the name and the parameters of the function as they are given. Be brief."
    assert given in _told(kept.code_prompt_ids("A", "def f(x):"))
    assert "\nBe brief." in _told(kept.code_prompt_ids("A", ""))
