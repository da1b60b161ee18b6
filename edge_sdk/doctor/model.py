"""The model: trusted keys, the default bundle, the cache folder. Asked in children too: all of them load libraries that may be broken."""

from pathlib import Path

from edge_sdk.doctor.finding import Finding
from edge_sdk.doctor.libraries import PIP
from edge_sdk.doctor.probe import ask

_KEYS = "import json; from edge_sdk.trust import trusted_keys; print(json.dumps(sorted(trusted_keys())))"
_BUNDLE = """
import json
from edge_sdk.bundle import Bundle
bundle = Bundle.open()
graphs = ", ".join(graph.precision for graph in bundle.manifest.graphs)
print(json.dumps(f"{bundle.identity}, signed by {bundle.signed_by}, graphs: {graphs}"))
"""
_CACHE = """
import json, os
from edge_sdk.runtime.remembered import cache_folder
folder = cache_folder()
nearest = next((path for path in (folder, *folder.parents) if path.exists()), None) if folder else None
print(json.dumps([str(folder) if folder else None, bool(nearest) and nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)]))
"""
_REINSTALL = f"{PIP} --force-reinstall sewer-edge"


def model_findings() -> list[Finding]:
    """Whether a bundle can be opened here, and by whose signature."""
    return [_keys(), _bundle(), _cache()]


def _keys() -> Finding:
    purpose, answer = "whose bundles are taken", ask(_KEYS)
    if answer.trouble:
        return Finding("trusted keys", "broken", answer.trouble, purpose, False, _REINSTALL)
    if not answer.value:
        return Finding("trusted keys", "absent", "none; a bundle opens with --trust KEY.pub only", purpose, False, _REINSTALL)
    return Finding("trusted keys", "ok", ", ".join(answer.value), purpose)


def _bundle() -> Finding:
    purpose, answer = "the model that runs unless you name another", ask(_BUNDLE)
    if answer.trouble:
        return Finding("default bundle", "broken", answer.trouble, purpose, True, _REINSTALL)
    return Finding("default bundle", "ok", str(answer.value), purpose, True)


def _cache() -> Finding:
    purpose, answer = "keeps engines and choices, so that starts are quick", ask(_CACHE)
    if answer.trouble:
        return Finding("cache folder", "broken", answer.trouble, purpose, False, _REINSTALL)
    folder, writable = answer.value
    if folder is None:
        return Finding("cache folder", "absent", "this user has no home", purpose, False, "export XDG_CACHE_HOME=<a folder that stays>")
    if not writable:
        return Finding(
            "cache folder", "broken", f"{folder} cannot be written", purpose, False, f"sudo chown -R $USER {Path(folder).parent}"
        )
    return Finding("cache folder", "ok", str(folder), purpose)
