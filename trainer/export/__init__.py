"""From a checkpoint to a signed bundle: ONNX, storage type, parity, thresholds, golden frames, model card."""

import edge_sdk.runtime  # noqa: F401 - before any onnxruntime here: it keeps that from reporting its use over the network
