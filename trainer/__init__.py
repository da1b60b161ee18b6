"""The server half of sewer-edge: render or read images, train, export, and pack signed bundles for the robots."""
