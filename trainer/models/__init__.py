"""Networks behind the contract's graph interface; `MODELS` lists every backbone a recipe may name."""

from trainer.models.classifier import MODELS, DefectClassifier, GraphOutputs

__all__ = ["MODELS", "DefectClassifier", "GraphOutputs"]
