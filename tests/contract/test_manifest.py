import functools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from edge_sdk.bundle import Bundle
from edge_sdk.contract.golden import golden_from_json, run_golden
from edge_sdk.contract.interface import Outputs, scores_from_logits
from edge_sdk.contract.manifest import (
    MAX_MANIFEST_BYTES,
    Calibration,
    Graph,
    LabelRule,
    Manifest,
    Parity,
    json_from_manifest,
    manifest_from_json,
)
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.errors import ContractError, CorruptBundleError, InferenceError

MANIFEST = tiny.tiny_manifest({"model.onnx": b"", "golden.json": b"", "card.md": b""})


def changed(**values: Any) -> bytes:
    return json.dumps(json.loads(json_from_manifest(MANIFEST)) | values).encode()


def without(key: str) -> bytes:
    return json.dumps({name: value for name, value in json.loads(json_from_manifest(MANIFEST)).items() if name != key}).encode()


shares, deltas, counts = st.floats(0, 1), st.floats(-1, 1), st.integers(0, 10**9)
seventeen = st.lists(shares, min_size=17, max_size=17).map(tuple)
graphs = st.builds(
    functools.partial(Graph, "fp32", "model.onnx"),
    stored_as=st.sampled_from(["float32", "float16", "int8"]),
    temperature=st.floats(0.01, 100),
    thresholds=seventeen,
    threshold_origin=st.sampled_from(["protocol-0.5", "tuned-on-validation"]),
    tuned_thresholds=st.none() | seventeen,
    calibration=st.none() | st.builds(Calibration, st.text(), counts, st.from_regex(r"\A[0-9a-f]{64}\Z")),
)
parities = st.builds(
    Parity,
    precision=st.sampled_from(["fp32", "fp16", "int8-trt", "int8-x86"]),
    reference=st.text(),
    num_images=counts,
    max_abs_dp=shares,
    mean_abs_dp=shares,
    decision_flips=counts,
    data_name=st.none() | st.text(),
    split=st.none() | st.text(),
    provider=st.none() | st.text(),
    f2_ciw=st.none() | shares,
    delta_f2_ciw=st.none() | deltas,
    delta_f2_ciw_interval=st.none() | st.tuples(deltas, deltas),
    delta_f1_normal=st.none() | deltas,
    f2_ciw_tuned=st.none() | shares,
    delta_f2_ciw_tuned=st.none() | deltas,
    bound=st.none() | shares,
    bound_tuned=st.none() | shares,
    passed=st.none() | st.booleans(),
)


@given(
    st.builds(
        functools.partial(msgspec.structs.replace, MANIFEST),
        graphs=st.tuples(graphs),
        parity=st.lists(parities, max_size=4).map(tuple),
        name=st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z"),
        version=st.from_regex(r"\A\d+\.\d+\.\d+\Z"),
        created=st.text(),
        label_rule=st.builds(LabelRule, st.floats(0, 20), st.floats(-5, 20)),
        preprocess=st.builds(PreprocessSpec, height=st.integers(16, 1024), width=st.integers(16, 1024)),
    )
)
def test_manifest_round_trips(manifest: Manifest) -> None:
    assert manifest_from_json(json_from_manifest(manifest)) == manifest


def test_the_default_bundle_is_read_and_what_it_does_not_state_is_none() -> None:
    manifest = Bundle.open().manifest

    assert manifest.schema_version == 1
    assert manifest_from_json(json_from_manifest(manifest)) == manifest
    assert manifest.parity_of("fp32") == next(parity for parity in manifest.parity if parity.precision == "fp32")
    assert manifest.parity_of("fp16") == next((parity for parity in manifest.parity if parity.precision == "fp16"), None)


def test_what_has_its_default_is_not_written_so_that_older_sdks_read_it() -> None:
    parity = Parity("fp32", "torch float32", 1, 0.0, 0.0, 0)

    tree = json.loads(json_from_manifest(msgspec.structs.replace(MANIFEST, parity=(parity,))))

    assert set(tree["parity"][0]) == {"precision", "reference", "num_images", "max_abs_dp", "mean_abs_dp", "decision_flips"}
    assert set(tree["graphs"][0]) == {"precision", "file", "stored_as", "temperature", "thresholds", "threshold_origin"}


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
        (changed(graphs=[{**msgspec.to_builtins(MANIFEST.graphs)[0], "tuned_thresholds": [0.5]}]), ContractError, "1 thresholds"),
        (changed(graphs=[*msgspec.to_builtins(MANIFEST.graphs)] * 2), CorruptBundleError, "two graphs of one precision"),
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
