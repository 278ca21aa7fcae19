"""Turn Kokoro's dynamically quantised ONNX graph into plain fp32: `python dequantise.py INT8.onnx FP32.onnx`.

Each DynamicQuantizeLinear -> ConvInteger|MatMulInteger (-> Add bias) -> Cast -> Mul chain becomes one Conv or MatMul.
The quantised LSTMs stay; kokoro.py reads them as they are.
"""

import collections
import sys

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

Producers = dict[str, NodeProto]
Consumers = dict[str, list[NodeProto]]


def float_weight(graph_weights: dict[str, onnx.TensorProto], node: NodeProto, scale: np.ndarray) -> np.ndarray:
    weight = numpy_helper.to_array(graph_weights[node.input[1]]).astype(np.float32)
    zero = numpy_helper.to_array(graph_weights[node.input[3]]).astype(np.float32)
    if scale.size > 1 and node.op_type == "ConvInteger":  # one scale per output channel
        scale, zero = scale.reshape(-1, 1, 1), zero.reshape(-1, 1, 1) if zero.size > 1 else zero
    return ((weight - zero) * scale).astype(np.float32)


def bias_of(add: NodeProto, producers: Producers) -> str:
    """The float bias behind the reshaped, rescaled integer one."""
    node = next(producers[i] for i in add.input if i in producers and producers[i].op_type == "Reshape")
    while node.op_type != "Div":
        node = producers[node.input[0]]
    return node.input[0]


def dequantise(model: onnx.ModelProto) -> None:
    graph = model.graph
    producers: Producers = {o: n for n in graph.node for o in n.output}
    consumers: Consumers = collections.defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    weights = {w.name: w for w in graph.initializer}
    new_weights: dict[str, onnx.TensorProto] = {}
    dropped: set[int] = set()
    replaced: dict[int, NodeProto] = {}
    for node in graph.node:
        if node.op_type not in ("ConvInteger", "MatMulInteger"):
            continue
        source = producers[node.input[0]].input[0]
        following = consumers[node.output[0]]
        bias = []
        if following[0].op_type == "Add":
            bias = [bias_of(following[0], producers)]
            dropped.add(id(following[0]))
            following = consumers[following[0].output[0]]
        (cast,) = following
        (product,) = consumers[cast.output[0]]
        rescale = producers[next(i for i in product.input if i != cast.output[0])]
        (scale_name,) = [i for i in rescale.input if i in weights]
        name = node.input[1] + "_float"
        if name not in new_weights:
            scale = numpy_helper.to_array(weights[scale_name])
            new_weights[name] = numpy_helper.from_array(float_weight(weights, node, scale), name)
        op = "Conv" if node.op_type == "ConvInteger" else "MatMul"
        plain = helper.make_node(op, [source, name, *bias], [product.output[0]], name=node.name)
        plain.attribute.extend(node.attribute)
        replaced[id(product)] = plain
        dropped |= {id(node), id(cast), id(rescale)}
    nodes = [replaced.get(id(n), n) for n in graph.node if id(n) not in dropped]
    nodes = without_unused(nodes, {o.name for o in graph.output})
    used = {i for n in nodes for i in n.input}
    kept = [w for w in graph.initializer if w.name in used] + list(new_weights.values())
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)


def without_unused(nodes: list[NodeProto], outputs: set[str]) -> list[NodeProto]:
    while True:
        used = {i for n in nodes for i in n.input} | outputs
        kept = [n for n in nodes if any(o in used for o in n.output)]
        if len(kept) == len(nodes):
            return nodes
        nodes = kept


if __name__ == "__main__":
    model = onnx.load(sys.argv[1])
    dequantise(model)
    onnx.save(model, sys.argv[2])
