"""Figures of a model on a split, always through the contract's metric."""
