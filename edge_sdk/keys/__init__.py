"""Public halves of the keys this SDK trusts: one `.pub` file (Ed25519, PEM) per key."""
