"""Labelled images: Sewer-ML's layout, the order they are drawn in, and what is done to them while training."""
