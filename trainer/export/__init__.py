"""From a checkpoint to a signed bundle: ONNX, storage type, parity, thresholds, golden frames, model card."""
