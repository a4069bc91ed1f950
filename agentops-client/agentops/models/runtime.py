"""Runs a model from a local directory: by ONNX Runtime where the directory has `model.onnx`, else by transformers.

Nothing is ever downloaded, and no code that lies in the directory is run.
"""

import importlib
import json
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from agentops.errors import AgentOpsError

Kind = Literal["sequence", "token", "seq2seq"]
"""What a model's logits are of: the text (shape: classes), each token (tokens, classes), or the first token that it
would write (vocabulary)."""

_AUTO_CLASS: Mapping[Kind, str] = {
    "sequence": "AutoModelForSequenceClassification",
    "token": "AutoModelForTokenClassification",
    "seq2seq": "AutoModelForSeq2SeqLM",
}
_ONNX_PLACES = ("model.onnx", "onnx/model.onnx")


class ModelUnavailable(AgentOpsError):
    """A library is not installed, or the directory is not what it should be. `str()` says what to do."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text as a model reads it; all sequences are as long as it has tokens."""

    ids: Sequence[int]
    types: Sequence[int]
    offsets: Sequence[tuple[int, int]]
    """Of each token, in its text, in characters."""
    texts: Sequence[int | None]
    """Which text each token is of: 0, 1, or None for a special one."""


class Runner(Protocol):
    """A loaded model."""

    name: str

    def logits(self, encoded: Encoded) -> list[Any]:
        """Its logits for one text, without the batch's axis; shapes as `Kind` says."""
        ...


def required(module: str, extra: str) -> Any:
    """The module. Raises ModelUnavailable where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ModelUnavailable(f"{package} is needed: pip install 'agentops-client[{extra}]'") from error


def existing(directory: str | os.PathLike[str], *names: str) -> Path:
    """The first of these files that the directory has. Raises ModelUnavailable where it has none."""
    place = _existing(directory)
    for name in names:
        if (place / name).is_file():
            return place / name
    raise ModelUnavailable(f"{place} has no {' and no '.join(names)}")


def _existing(directory: str | os.PathLike[str]) -> Path:
    place = Path(directory).expanduser()
    if not place.is_dir():
        raise ModelUnavailable(f"{place} is not a directory: a model is loaded from a local one, never downloaded")
    return place


def settings_of(directory: str | os.PathLike[str], *names: str) -> dict[str, Any]:
    """What these JSON files of the directory say together, as far as they are there."""
    said: dict[str, Any] = {}
    for name in names:
        path = _existing(directory) / name
        try:
            said |= json.loads(path.read_text("utf-8")) if path.is_file() else {}
        except (OSError, ValueError, TypeError) as error:
            raise ModelUnavailable(f"{path} cannot be read: {error}") from error
    return said


class Tokenizer:
    """The directory's `tokenizer.json`, as the library `tokenizers` reads it. Threads may share it."""

    def __init__(self, directory: str | os.PathLike[str], extra: str = "nli") -> None:
        library = required("tokenizers", extra)
        path = existing(directory, "tokenizer.json")
        try:
            self._inner = library.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more particular
            raise ModelUnavailable(f"{path} cannot be read: {error}") from error
        self._inner.no_padding()
        self._inner.no_truncation()
        added: dict[int, Any] = self._inner.get_added_tokens_decoder()
        self._special = [token.content for token in added.values() if token.special]

    def plain(self, text: str) -> str:
        """The text without what this tokenizer would take for a mark of its own: `</s>` in a document ends nothing."""
        for token in self._special:
            text = text.replace(token, " ")
        return text

    def count(self, text: str) -> int:
        """How many tokens it has."""
        return len(self._inner.encode(text, add_special_tokens=False).ids)

    def encode(self, first: str, second: str | None = None) -> Encoded:
        """One text, or two as a pair."""
        found = self._inner.encode(first, second) if second is not None else self._inner.encode(first)
        return Encoded(found.ids, found.type_ids, found.offsets, found.sequence_ids)


def load(directory: str | os.PathLike[str], kind: Kind, *, runtime: str, threads: int) -> Runner:
    """The model of that directory. Raises ModelUnavailable."""
    place = Path(directory).expanduser()
    has_onnx = any((place / name).is_file() for name in _ONNX_PLACES)
    if runtime == "onnx" or (runtime == "auto" and has_onnx):
        return _Onnx(existing(directory, *_ONNX_PLACES), threads)
    existing(directory, "config.json")
    return _Transformers(place, kind)


class _Onnx:
    """By ONNX Runtime, on the CPU."""

    name = "onnx"

    def __init__(self, path: Path, threads: int) -> None:
        self._numpy = required("numpy", "nli")
        library = required("onnxruntime", "nli")
        options = library.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # The host's standard error is not ours to fill: errors only.
        options.log_severity_level = 3
        try:
            self._session = library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library's exceptions have no common class but this
            raise ModelUnavailable(f"{path} cannot be loaded: {error}") from error
        self._wanted = {each.name: "int32" if "int32" in each.type else "int64" for each in self._session.get_inputs()}
        unknown = self._wanted.keys() - {"input_ids", "attention_mask", "token_type_ids", "decoder_input_ids"}
        if unknown:
            raise ModelUnavailable(f"{path} wants {', '.join(sorted(unknown))}: export it without a cache")

    def logits(self, encoded: Encoded) -> list[Any]:
        given = {
            "input_ids": encoded.ids,
            "attention_mask": [1] * len(encoded.ids),
            "token_type_ids": encoded.types,
            "decoder_input_ids": [0],
        }
        arrays = {name: self._numpy.array([given[name]], dtype) for name, dtype in self._wanted.items()}
        found: Any = self._session.run(None, arrays)[0][0]
        return found[0].tolist() if "decoder_input_ids" in self._wanted else found.tolist()


class _Transformers:
    """By transformers and PyTorch, with the classes that transformers itself has."""

    name = "transformers"

    def __init__(self, directory: Path, kind: Kind) -> None:
        self._torch = required("torch", "nli-torch")
        library = required("transformers", "nli-torch")
        loader = getattr(library, _AUTO_CLASS[kind])
        try:
            with _without_progress(library.utils.logging):
                self._model, told = loader.from_pretrained(
                    str(directory), local_files_only=True, trust_remote_code=False, output_loading_info=True
                )
        except Exception as error:  # the library raises whatever its parts raise
            raise ModelUnavailable(f"{directory} cannot be loaded: {error}") from error
        # The library makes up what is missing by chance, and so would the verdicts be.
        if told["missing_keys"]:
            missing = ", ".join(sorted(told["missing_keys"])[:3])
            raise ModelUnavailable(f"{directory} is no model for {_AUTO_CLASS[kind]}: it has no {missing}")
        self._model.eval()
        self._kind = kind

    def logits(self, encoded: Encoded) -> list[Any]:
        torch = self._torch
        given = {
            "input_ids": torch.tensor([list(encoded.ids)]),
            "attention_mask": torch.ones(1, len(encoded.ids)).long(),
        }
        if getattr(self._model.config, "type_vocab_size", 0) > 1:
            given["token_type_ids"] = torch.tensor([list(encoded.types)])
        if self._kind == "seq2seq":
            given["decoder_input_ids"] = torch.zeros(1, 1).long()
        with torch.inference_mode():
            found = self._model(**given).logits[0]
        return found[0].tolist() if self._kind == "seq2seq" else found.tolist()


@contextmanager
def _without_progress(log: Any) -> Generator[None]:
    """The host's standard error is not ours to fill."""
    is_shown = log.is_progress_bar_enabled()
    log.disable_progress_bar()
    try:
        yield
    finally:
        if is_shown:
            log.enable_progress_bar()
