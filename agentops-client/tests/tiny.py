"""Tiny models that the tests make: real files for real libraries, whose arithmetic is simple enough to know the answer.

Each says how much of the second text's tokens the first one has. Where the second text begins, it finds by a separator
token, so a question in the wrong format gets the wrong answer.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from onnx import TensorProto, helper, numpy_helper

_make_node: Any = helper.make_node
_SPECIAL = ["[CLS]", "[SEP]", "[PAD]", "</s>", "<pad>"]
_VOCABULARY_MIN = 210
"""MiniCheck-T5 answers by its tokens 3 and 209."""


def write_tokenizer(place: Path, texts: Sequence[str], *, pairs: bool, end: str = "[SEP]") -> Any:
    """A tokenizer of whole words, of which those in the texts are known."""
    split = tokenizers.pre_tokenizers.Whitespace()
    words = dict.fromkeys(word for text in texts for word, _ in split.pre_tokenize_str(text))
    vocabulary = {word: number for number, word in enumerate([*_SPECIAL, "[UNK]", *words])}
    made: Any = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = split
    made.add_special_tokens(_SPECIAL)
    single = "[CLS] $A [SEP]" if pairs else f"$A {end}"
    used = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]", end)]
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single=single, pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=used
    )
    place.mkdir(parents=True, exist_ok=True)
    made.save(str(place / "tokenizer.json"))
    return made


def write_model(place: Path, separator: int, form: str, *, types: bool = False) -> None:
    """`model.onnx`, whose logits are of the form `classes` (contradiction, entailment, neutral), `two` (0, 1), `tokens`
    (0, 1 for each token), or `written` (a vocabulary)."""
    constants = {
        "separator": np.array(separator, np.int64),
        "specials": np.array(len(_SPECIAL), np.int64),
        "axis_one": np.array(1, np.int64),
        "one": np.array(1, np.float32),
        "half": np.array(0.9, np.float32),
        "steep": np.array(40, np.float32),
        "tiny": np.array(1e-6, np.float32),
        "first": np.array([1], np.int64),
        "second": np.array([2], np.int64),
        form: _forms()[form],
    }
    nodes: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Equal", ["input_ids", "separator"], "is_separator", {}),
        ("Cast", ["is_separator"], "separators", {"to": TensorProto.FLOAT}),
        ("CumSum", ["separators", "axis_one"], "segments", {}),
        ("Min", ["segments", "one"], "in_second", {}),
        ("Sub", ["one", "in_second"], "in_first", {}),
        ("Less", ["input_ids", "specials"], "is_special", {}),
        ("Cast", ["is_special"], "special", {"to": TensorProto.FLOAT}),
        ("Sub", ["one", "special"], "ordinary", {}),
        ("Sub", ["ordinary", "separators"], "words", {}),
        ("Max", ["words", "tiny"], "worded", {}),
        ("Mul", ["in_second", "worded"], "counted", {}),
        ("Unsqueeze", ["input_ids", "second"], "down", {}),
        ("Unsqueeze", ["input_ids", "first"], "across", {}),
        ("Equal", ["down", "across"], "is_same", {}),
        ("Cast", ["is_same"], "same", {"to": TensorProto.FLOAT}),
        ("Unsqueeze", ["in_first", "second"], "first_down", {}),
        ("Mul", ["same", "first_down"], "matches", {}),
        ("ReduceMax", ["matches", "first"], "found", {"keepdims": 0}),
        ("Mul", ["found", "counted"], "found_counted", {}),
        ("ReduceSum", ["found_counted", "first"], "hits", {"keepdims": 1}),
        ("ReduceSum", ["counted", "first"], "total", {"keepdims": 1}),
        ("Max", ["total", "tiny"], "divisor", {}),
        ("Div", ["hits", "divisor"], "coverage", {}),
        ("Sub", ["coverage", "half"], "above", {}),
        ("Mul", ["above", "steep"], "score", {}),
        *_ending(form),
    ]
    inputs = ["input_ids", "attention_mask"] + ["token_type_ids"] * types + ["decoder_input_ids"] * (form == "written")
    graph = helper.make_graph(
        [_make_node(kind, given, [made], **attributes) for kind, given, made, attributes in nodes],
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", f"{name}_tokens"]) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    (place / "model.onnx").write_bytes(model.SerializeToString())


def _forms() -> dict[str, Any]:
    written = np.zeros((1, 1, _VOCABULARY_MIN), np.float32)
    written[0, 0, [3, 209]] = (-1, 1)
    return {
        "classes": np.array([[-1, 1, 0]], np.float32),
        "two": np.array([[-1, 1]], np.float32),
        "tokens": np.array([[[1, -1]]], np.float32),
        "written": written,
    }


def _ending(form: str) -> list[tuple[str, list[str], str, dict[str, Any]]]:
    """From the score, shape (1, 1), or the tokens that were found, shape (1, tokens), to logits."""
    if form == "tokens":
        return [
            ("Sub", ["found", "half"], "missing", {}),
            ("Mul", ["missing", "steep"], "token_score", {}),
            ("Unsqueeze", ["token_score", "second"], "token_scores", {}),
            ("Mul", ["token_scores", "tokens"], "logits", {}),
        ]
    if form == "written":
        return [("Unsqueeze", ["score", "second"], "scores", {}), ("Mul", ["scores", "written"], "logits", {})]
    return [("Mul", ["score", form], "logits", {})]


def write_json(path: Path, **content: Any) -> None:
    """A file of settings."""
    path.write_text(json.dumps(content))
