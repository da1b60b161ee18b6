"""Peers: the same film and the same graph through what a user would write or take instead of this SDK, side by side with it."""
