"""Measurements with their conditions. Imports the trainer and the SDK, and is imported by neither."""
