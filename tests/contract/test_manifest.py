import functools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from edge_sdk.contract.golden import golden_from_json, run_golden
from edge_sdk.contract.interface import Outputs, scores_from_logits
from edge_sdk.contract.manifest import MAX_MANIFEST_BYTES, LabelRule, Manifest, json_from_manifest, manifest_from_json
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.errors import ContractError, CorruptBundleError, InferenceError

MANIFEST = tiny.tiny_manifest({"model.onnx": b"", "golden.json": b"", "card.md": b""})


def changed(**values: Any) -> bytes:
    return json.dumps(json.loads(json_from_manifest(MANIFEST)) | values).encode()


def without(key: str) -> bytes:
    return json.dumps({name: value for name, value in json.loads(json_from_manifest(MANIFEST)).items() if name != key}).encode()


@given(
    st.builds(
        functools.partial(msgspec.structs.replace, MANIFEST),
        name=st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z"),
        version=st.from_regex(r"\A\d+\.\d+\.\d+\Z"),
        created=st.text(),
        label_rule=st.builds(LabelRule, st.floats(0, 20), st.floats(-5, 20)),
        preprocess=st.builds(PreprocessSpec, height=st.integers(16, 1024), width=st.integers(16, 1024)),
    )
)
def test_manifest_round_trips(manifest: Manifest) -> None:
    assert manifest_from_json(json_from_manifest(manifest)) == manifest


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (changed(extra=1), CorruptBundleError, "extra"),
        (changed(schema_version=2), ContractError, "newer than this SDK's 1; update"),
        (changed(schema_version=0), ContractError, "pack the model again"),
        (changed(interface_version=9), ContractError, "graph interface 9"),
        (changed(name="../evil"), CorruptBundleError, "name"),
        (changed(golden="absent.json"), CorruptBundleError, "absent.json"),
        (changed(classes={**msgspec.to_builtins(MANIFEST.classes), "digest": "f" * 64}), ContractError, "class list"),
        (changed(classes={**msgspec.to_builtins(MANIFEST.classes), "codes": ["RB"]}), ContractError, "class list"),
        (changed(files=[*msgspec.to_builtins(MANIFEST.files), msgspec.to_builtins(MANIFEST.files)[0]]), CorruptBundleError, "twice"),
        (changed(graphs=[{**msgspec.to_builtins(MANIFEST.graphs)[0], "thresholds": [0.5]}]), ContractError, "1 thresholds"),
        (b"not json", CorruptBundleError, "not a valid manifest"),
        (b"\xff\xfe", CorruptBundleError, "not a valid manifest"),
        (b'{"schema_version": 1', CorruptBundleError, "not a valid manifest"),
        (b" " * (MAX_MANIFEST_BYTES + 1), CorruptBundleError, "at most"),
        (without("graphs"), CorruptBundleError, "graphs"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_not_exactly_right_is_refused(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        manifest_from_json(data)


@given(st.binary(max_size=300))
def test_no_bytes_give_anything_but_our_errors(data: bytes) -> None:
    with pytest.raises((CorruptBundleError, ContractError)):
        manifest_from_json(data)


def test_asking_for_a_precision_that_is_not_carried_names_what_is() -> None:
    with pytest.raises(ContractError, match="no fp16 graph; it carries: fp32"):
        MANIFEST.graph("fp16")


def run_painted(swap: bool) -> Any:
    def run(images_NHWC: Any) -> Outputs:
        import numpy as np

        images = images_NHWC[..., ::-1] if swap else images_NHWC
        scores = np.stack([tiny.expected_scores(image) for image in images])
        logits = np.log(scores / (1 - scores)).astype(np.float32)
        return Outputs(logits, np.zeros((len(images), 17, 8, 8), np.float32))

    return run


def test_golden_frames_pass_on_the_right_model_and_catch_swapped_colours() -> None:
    content = tiny.tiny_content()
    golden = golden_from_json(content["golden.json"])

    right, swapped = (
        run_golden(golden, content.__getitem__, run_painted(swap), spec=tiny.SPEC, precision="fp32") for swap in (False, True)
    )

    assert right.passed and right.num_frames == 4 and right.max_abs_dp < 1e-5
    assert not swapped.passed and swapped.max_abs_dp > 0.5


def test_golden_frames_without_scores_for_a_precision_are_an_error() -> None:
    content = tiny.tiny_content()

    with pytest.raises(InferenceError, match="no expected scores for fp16"):
        run_golden(golden_from_json(content["golden.json"]), content.__getitem__, run_painted(False), spec=tiny.SPEC, precision="fp16")


def test_scores_do_not_overflow_and_temperature_flattens() -> None:
    import numpy as np

    scores = scores_from_logits(np.array([-1e4, 0.0, 1e4], np.float32))

    np.testing.assert_allclose(scores, [0.0, 0.5, 1.0])
    assert 0.5 < scores_from_logits(np.array([1.0]), temperature=2.0)[0] < scores_from_logits(np.array([1.0]))[0]
