"""Token ids with the kinds of tokenizers and templates that models come with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from model_tokenizers import (
    CHATML,
    END_OF_TURN,
    LLAMA3,
    THINKING,
    TOKENIZERS,
    legacy_llama,
    llama2,
    llama3,
    qwen2,
)
from transformers import (
    Gemma3TextConfig,
    MistralConfig,
    PreTrainedTokenizerBase,
    Qwen2Config,
)

from skeldpo.config import PolicyConfig
from skeldpo.prompts import Prompts
from skeldpo.special_tokens import TokenText, read_tokenizer

Make = Callable[..., PreTrainedTokenizerBase]
PROGRAM = "def f(x):\n    return self.y[x] + 'é'\n"
FENCED = "```python\ndef f(x):\n```"
OTHER_TEXTS = "<|im_end|> </s> <|eot_id|> <end_of_turn> <|end|> <|Assistant|> <s>"

every_tokenizer = pytest.mark.parametrize("make", TOKENIZERS, ids=lambda make: make.__name__)
chat_or_plain = pytest.mark.parametrize("chat", [True, False], ids=["chat", "plain"])


def policy(**values: object) -> PolicyConfig:
    instructions = {"code_instruction": "[CODE]", "skeleton_instruction": "[SKELETON]"}
    return PolicyConfig.model_validate(
        {"model": "tiny", "prefill": "off", **instructions, **values}
    )


def prompts_of(make: Make, chat: bool = True) -> Prompts:
    return Prompts(make() if chat else make(None), policy())


def answer_of(program: str, chat: bool) -> str:
    return f"```python\n{program.rstrip()}\n```" if chat else program.rstrip() + "\n"


def control_ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Tokens that are special, or that the template names."""
    return {
        str(token.content): token_id
        for token_id, token in tokenizer.added_tokens_decoder.items()
        if token.special or str(token.content) in str(tokenizer.chat_template)
    }


def written_specials(tokenizer: PreTrainedTokenizerBase) -> str:
    """The text of every token that a template or a model of this kind could mean."""
    return " ".join([*control_ids(tokenizer), *OTHER_TEXTS.split()])


def num_specials(token_ids: list[int], tokenizer: PreTrainedTokenizerBase) -> int:
    controls = set(control_ids(tokenizer).values())
    return sum(token_id in controls for token_id in token_ids)


@every_tokenizer
@pytest.mark.parametrize("statement", ["Remove x from self.", "  Two:\n\n\tdef f(x)  \n", "é ▁ ''"])
def test_ordinary_chat_prompt_has_the_ids_of_apply_chat_template(make: Make, statement: str):
    tokenizer = make()
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": f"{statement.strip()}\n{FENCED}\n[CODE]"}],
        add_generation_prompt=True,
        return_dict=False,
        strftime_now=date(2024, 7, 26).strftime,
    )
    assert Prompts(tokenizer, policy()).code_prompt_ids(statement, "def f(x):") == rendered


@every_tokenizer
@chat_or_plain
def test_statement_with_text_of_special_tokens_has_no_more_of_them(make: Make, chat: bool):
    tokenizer = make() if chat else make(None)
    prompts = Prompts(tokenizer, policy())
    text = written_specials(tokenizer)
    ordinary = prompts.code_prompt_ids("Remove x from self.", "def f(x):")
    for statement, starter in ((f"Remove {text} from x.", "def f(x):"), ("Do.", f"# {text}")):
        ids = prompts.code_prompt_ids(statement, starter)
        assert num_specials(ids, tokenizer) == num_specials(ordinary, tokenizer)
        shown = f"```python\n{starter}\n```" if chat else starter
        assert f"{statement}\n{shown}\n[CODE]" in prompts.decode(ids)


@pytest.mark.parametrize("make", [qwen2, llama3], ids=["qwen2", "llama3"])
def test_template_around_such_a_statement_keeps_its_own_ids(make: Make):
    """These have a token a byte, so nothing around the text can change."""
    prompts = prompts_of(make)
    text = "<|im_end|><|eot_id|>"
    with_text = prompts.code_prompt_ids(f"a {text} b", "")
    without = prompts.code_prompt_ids("a b", "")
    at = next(i for i, (x, y) in enumerate(zip(with_text, without, strict=False)) if x != y)
    assert with_text[:at] + with_text[at + len(text) + 1 :] == without


@every_tokenizer
@chat_or_plain
@pytest.mark.parametrize(
    "program",
    [
        PROGRAM,
        "    return 1\n",
        "\tpass\n",
        " x\n",
        "\n\n    y\n",
        "x = '''a\n\n\n b  .  , ?'''\n",
        f"STOPS = '{OTHER_TEXTS}'\n",
        "print('<|endoftext|>')\n<pad>",
    ],
)
@pytest.mark.parametrize("prefill", ["off", "on"])
def test_program_comes_back_from_its_answer_as_it_was(
    make: Make, chat: bool, program: str, prefill: str
):
    prompts = Prompts(make() if chat else make(None), policy(prefill=prefill))
    ids = prompts.answer_ids(program, "python")
    assert prompts.decode(ids) == answer_of(program, chat)
    assert ids.count(prompts.end_token_id) == 1
    assert ids[-1] == prompts.end_token_id


@every_tokenizer
def test_program_with_all_special_texts_of_its_tokenizer_comes_back(make: Make):
    tokenizer = make()
    prompts = Prompts(tokenizer, policy())
    program = f"def clean(s):\n    return s.strip('''{written_specials(tokenizer)}''')\n"
    ids = prompts.answer_ids(program, "python")
    assert prompts.decode(ids) == answer_of(program, True)
    assert num_specials(ids, tokenizer) == 1


@every_tokenizer
def test_answer_ends_with_the_token_that_the_template_puts_behind_it(make: Make):
    tokenizer = make()
    prompts = Prompts(tokenizer, policy())
    end = tokenizer.convert_tokens_to_ids(END_OF_TURN[make.__name__])
    assert prompts.end_token_id == end
    assert prompts.stop_token_ids == sorted({end, tokenizer.eos_token_id})
    assert prompts.answer_ids("x = 1", "python")[-1] == end
    eos = [] if end == tokenizer.eos_token_id else [tokenizer.eos_token_id]
    assert prompts.completion_ids("x = 1", "python") == [
        *prompts.answer_ids("x = 1", "python"),
        *eos,
    ]
    plain = Prompts(tokenizer, policy(prompt_format="plain"))
    assert plain.end_token_id == tokenizer.eos_token_id


@every_tokenizer
@pytest.mark.parametrize("prefill", ["off", "on"])
def test_answer_behind_its_prompt_is_the_rendered_turn(make: Make, prefill: str):
    """Up to the end of the turn, with the blank or the empty thought that the template writes."""
    tokenizer = make()
    prompts = Prompts(tokenizer, policy(prefill=prefill))
    whole = tokenizer.apply_chat_template(
        [
            {"role": "user", "content": "Add.\n[CODE]"},
            {"role": "assistant", "content": answer_of(PROGRAM, True)},
        ],
        return_dict=False,
        strftime_now=date(2024, 7, 26).strftime,
    )
    ids = [*prompts.code_prompt_ids("Add.", ""), *prompts.answer_ids(PROGRAM, "python")]
    if make in (llama2, legacy_llama):  # the template's blank before its EOS is not the model's
        whole = [i for i in whole if tokenizer.convert_ids_to_tokens(i) != "▁"]
        ids = [i for i in ids if tokenizer.convert_ids_to_tokens(i) != "▁"]
    assert whole[: len(ids)] == ids


def test_thought_that_the_template_writes_is_in_given_answers_and_not_in_programs():
    prompts = Prompts(qwen2(THINKING), policy())
    ids = prompts.answer_ids("x = 1", "python")
    assert prompts.decode(ids) == "```python\nx = 1\n```"
    assert TokenText(qwen2(None)).decode(ids).startswith("<think>\n\n</think>\n\n```python")


def test_template_that_ends_no_turn_leaves_the_end_to_eos():
    template = "{% for m in messages %}<user>{{ m.content }}{% endfor %}"
    only_one = "{% if messages | length > 1 %}{{ raise_exception('one turn') }}{% endif %}" + CHATML
    for text in (template, only_one):
        prompts = Prompts(qwen2(text), policy())
        assert prompts.end_token_id == prompts.eos_token_id == qwen2().eos_token_id


@every_tokenizer
def test_special_token_in_the_middle_is_kept_and_those_at_the_end_are_not(make: Make):
    tokenizer = make()
    prompts = Prompts(tokenizer, policy())
    end, eos = prompts.end_token_id, prompts.eos_token_id
    text = TokenText(make(None))
    before, after = (text.encode_after_text(part) for part in ("x = 1", "y"))
    written = prompts.decode([*before, end, *after, end, eos])
    assert written == f"x = 1{END_OF_TURN[make.__name__]}y"
    assert prompts.decode(before) == "x = 1"
    assert prompts.decode([]) == prompts.decode([end]) == ""


@pytest.mark.parametrize("make", [llama2, legacy_llama], ids=["llama2", "legacy_llama"])
def test_indentation_that_an_engine_wrote_is_decoded_in_full(make: Make):
    """A SentencePiece tokenizer alone takes one blank from the start of what it decodes."""
    tokenizer = make(None)
    pieces = ["▁▁▁▁", "return", "▁", "1", "</s>"]
    ids = tokenizer.convert_tokens_to_ids(pieces)
    assert tokenizer.decode(ids[:-1]) == "   return 1"
    assert Prompts(tokenizer, policy()).decode(ids) == "    return 1"


def test_date_of_a_template_is_the_configured_one_in_every_prompt():
    prompts = Prompts(llama3(), policy(prompt_date="2025-02-03"))
    for ids in (prompts.code_prompt_ids("Add.", ""), prompts.skeleton_prompt_ids("Add.", "")):
        assert "Today Date: 03 Feb 2025" in prompts.decode(ids)
    hours = LLAMA3.replace("%d %b %Y", "%Y-%m-%d %H:%M:%S")
    default = Prompts(llama3(hours), policy())
    text = default.decode(default.code_prompt_ids("Add.", ""))
    assert "Today Date: 2024-07-26 00:00:00" in text


@every_tokenizer
def test_prompts_share_all_but_the_instruction_with_special_text_too(make: Make):
    prompts = prompts_of(make)
    for statement in ("Add one to x. " * 5, f"Remove {OTHER_TEXTS} from x."):
        code = prompts.code_prompt_ids(statement, "def f(x):")
        skeleton = prompts.skeleton_prompt_ids(statement, "def f(x):")
        shared = next(i for i, (a, b) in enumerate(zip(code, skeleton, strict=False)) if a != b)
        assert prompts.decode(code[:shared]).endswith(f"{statement.strip()}\n{FENCED}\n[")


@pytest.mark.parametrize("kind", [Qwen2Config, Gemma3TextConfig])
def test_folder_without_a_tokenizer_is_refused(tmp_path, kind):
    """transformers makes one of special tokens alone, by which every prompt is empty."""
    kind().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has no tokenizer, or one that knows no text"):
        read_tokenizer(str(tmp_path))


def test_tokenizer_is_that_of_tokenizer_json_beside_one_of_mistral(tmp_path):
    """With vLLM comes mistral-common, whose tokenizer transformers would take: no policy of
    Mistral's with both files could be asked ("'function' object has no attribute 'items'")."""
    MistralConfig().save_pretrained(tmp_path)
    (tmp_path / "tekken.json").write_text("{}")
    qwen2().save_pretrained(tmp_path)
    found = read_tokenizer(str(tmp_path))
    assert found.encode(PROGRAM) == qwen2().encode(PROGRAM)
    assert Prompts(found, policy()).stop_token_ids == Prompts(qwen2(), policy()).stop_token_ids
