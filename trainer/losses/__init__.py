"""One file per loss, named as in its paper."""
