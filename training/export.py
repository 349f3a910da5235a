"""Write the network as ONNX with 16-bit weights, batch normalization folded into the convolutions."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from training.network import MULTIPLE, Detector
from training.weights import write_weights

_OPSET = 13


def fold_normalization(module: nn.Module) -> nn.Module:
    """Put each batch normalization into the convolution before it, in place."""
    for name, child in module.named_children():
        steps = list(child.children())
        if len(steps) == 3 and isinstance(steps[0], nn.Conv2d) and isinstance(steps[1], nn.BatchNorm2d):
            folded = torch.nn.utils.fusion.fuse_conv_bn_eval(steps[0], steps[1])
            setattr(module, name, nn.Sequential(folded, steps[2]))
        else:
            fold_normalization(child)
    return module


def export(state: Path, path: Path, weights: Path | None = None) -> None:
    """Write the averaged weights of a training state, also as the start of another training."""
    network, average = Detector(), torch.load(state, weights_only=True)["average"]
    if weights is not None:
        write_weights(average, weights)
    network.load_state_dict(average)
    fold_normalization(network.eval())
    sample = torch.zeros(1, 1, MULTIPLE, MULTIPLE)
    axes = {name: {2: f"{name} rows", 3: f"{name} columns"} for name in ("picture", "cells")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (sample,), str(path), opset_version=_OPSET, dynamo=False,
            input_names=["picture"], output_names=["cells"], dynamic_axes=axes,
        )  # fmt: skip
    halve_weights(path)


def halve_weights(path: Path) -> None:
    """Keep weights in 16 bits; the graph widens them when it is loaded."""
    model = onnx.load(path)
    casts, halved = [], []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or not tensor.dims:
            halved.append(tensor)
            continue
        narrow = numpy_helper.to_array(tensor).astype(np.float16)
        halved.append(numpy_helper.from_array(narrow, f"{tensor.name}.half"))
        casts.append(helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(halved)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)
