"""Which nodes of a graph are what, read off its structure: linear layers, the classifier head, attention, normalisation of the input.

Nothing goes by node names, which exporters change.
"""

from collections.abc import Iterator
from typing import NamedTuple

import onnx

LINEAR = ("Conv", "Gemm", "MatMul")


class Layers(NamedTuple):
    """Names of nodes, in the graph's order.

    `body`: linear layers with weights, up to the head. `head`: linear layers whose result no other linear layer takes up (the classifier
    and its maps). `attention`: products of activations.
    """

    body: tuple[str, ...]
    head: tuple[str, ...]
    attention: tuple[str, ...]


def layers_of(graph: onnx.GraphProto) -> Layers:
    """Sort a graph's linear layers."""
    weights = {tensor.name for tensor in graph.initializer}
    linear = [node for node in graph.node if node.op_type in LINEAR]
    weighted = [node.name for node in linear if weights & set(node.input[:2])]
    head = _head(graph, set(weighted))
    return Layers(
        body=tuple(name for name in weighted if name not in head),
        head=tuple(name for name in weighted if name in head),
        attention=tuple(node.name for node in linear if node.name not in set(weighted)),
    )


def nodes_of(graph: onnx.GraphProto, *op_types: str) -> tuple[str, ...]:
    """Names of the nodes of some kinds."""
    return tuple(node.name for node in graph.node if node.op_type in op_types)


def normalisation(graph: onnx.GraphProto) -> frozenset[str]:
    """Nodes between the graph's input and its first linear layer."""
    weights, before = {tensor.name for tensor in graph.initializer}, {end.name for end in graph.input}
    found = []
    for node in graph.node:
        activations = [name for name in node.input if name and name not in weights]
        if activations and node.op_type not in (*LINEAR, "Shape") and before.issuperset(activations):
            before.update(node.output)
            found.append(node.name)
    return frozenset(found)


def downstream(graph: onnx.GraphProto, names: tuple[str, ...]) -> frozenset[str]:
    """Nodes that depend on some nodes, these among them."""
    tensors: set[str] = set()
    found = []
    for node in graph.node:
        if node.name in names or tensors & set(node.input):
            tensors.update(node.output)
            found.append(node.name)
    return frozenset(found)


def attention_scores(graph: onnx.GraphProto) -> frozenset[str]:
    """From every Softmax back to the product of queries and keys, that included, and on through scalings by a constant."""
    producers = {output: node for node in graph.node for output in node.output}
    weights = {tensor.name for tensor in graph.initializer}
    found: set[str] = set()
    for softmax in (node for node in graph.node if node.op_type == "Softmax"):
        product = _walk_back(producers.get(softmax.input[0]), producers, found)
        for name in product.input if product is not None else ():
            found.update(_scalings(producers.get(name), producers, weights))
    return frozenset(found)


def _walk_back(node: onnx.NodeProto | None, producers: dict[str, onnx.NodeProto], found: set[str]) -> onnx.NodeProto | None:
    """Along the first computed input to the MatMul; None where there is none."""
    while node is not None:
        found.add(node.name)
        if node.op_type in LINEAR:
            return node
        node = next((producers[name] for name in node.input if name in producers), None)
    return None


def _scalings(node: onnx.NodeProto | None, producers: dict[str, onnx.NodeProto], weights: set[str]) -> Iterator[str]:
    """Multiplications by a constant right before the product; transposes on the way move data only, but would be cast twice if left out."""
    passed: list[str] = []
    while node is not None and node.op_type in ("Transpose", "Mul", "Div"):
        passed.append(node.name)
        if node.op_type in ("Mul", "Div"):
            if weights & set(node.input):
                yield from passed
            return
        node = producers.get(node.input[0])


def _head(graph: onnx.GraphProto, weighted: set[str]) -> set[str]:
    producers = {output: node for node in graph.node for output in node.output}
    head: set[str] = set()
    open_tensors, seen = [end.name for end in graph.output], set()
    while open_tensors:
        node = producers.get(open_tensors.pop())
        if node is None or node.name in seen or node.op_type == "Shape":
            continue
        seen.add(node.name)
        if node.name in weighted:
            head.add(node.name)
        else:
            open_tensors.extend(node.input)
    return head
