"""Networks behind the contract's graph interface; `MODELS` lists every backbone a recipe may name."""

from trainer.models.classifier import DefectClassifier, GraphOutputs, build_classifier
from trainer.models.encoder import MODELS, Encoder, Features, build_encoder

__all__ = ["MODELS", "DefectClassifier", "Encoder", "Features", "GraphOutputs", "build_classifier", "build_encoder"]
