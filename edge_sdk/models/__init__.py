"""The default bundle, used when none is given: trained on rendered images, signed with the key in `edge_sdk/keys`."""
