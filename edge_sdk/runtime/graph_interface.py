"""What a graph says of itself, held against the contract: the names, types and ranks of its ends, and the list its classes come from.

Every runtime words the ends in its own way; here they are numpy's type names.
"""

from collections.abc import Mapping

from edge_sdk.contract.interface import INPUT, INTERFACE_VERSION, LOGITS, MAPS, METADATA_CLASSES_DIGEST, METADATA_INTERFACE
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import ContractError

ENDS = {INPUT: ("uint8", 4), LOGITS: ("float32", 2), MAPS: ("float32", 4)}


def check_graph(ends: Mapping[str, tuple[str, int]], metadata: Mapping[str, str]) -> None:
    """Refuse a graph of another contract.

    Args:
        ends: Type and rank of every input and output, by name.
        metadata: The graph's own.

    Raises:
        ContractError: If its interface, the interface's version or its class list is not this SDK's.
    """
    if ends != ENDS:
        raise ContractError(f"the graph's interface is {dict(ends)}, this SDK needs {ENDS}; export the model with this project's trainer")
    if metadata.get(METADATA_INTERFACE) != str(INTERFACE_VERSION):
        raise ContractError(f"graph interface {metadata.get(METADATA_INTERFACE)}, this SDK has {INTERFACE_VERSION}; export the model again")
    if metadata.get(METADATA_CLASSES_DIGEST) != taxonomy().digest:
        raise ContractError("the graph was trained for another class list than this SDK's; train and export with the same list")
