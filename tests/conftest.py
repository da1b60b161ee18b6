"""Fixtures every test may use."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import HealthCheck, settings

import edge_sdk.camera  # noqa: F401 - sets FFmpeg's log level before a test uses it to write a film
import tiny
from edge_sdk.bundle import Bundle

# A busy machine is no failure: what is wrong here is wrong at any speed. Every run tries the same examples.
settings.register_profile("patient", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public half of the tiny bundle's key."""
    path = tmp_path_factory.mktemp("trust") / "tiny.pub"
    public = tiny.KEY.public_key()
    path.write_bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle as a file."""
    return tiny.tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny.bundle")


@pytest.fixture
def bundle(bundle_path: Path, trust: Path) -> Bundle:
    """The tiny bundle, opened."""
    return Bundle.open(bundle_path, trust=[trust])
