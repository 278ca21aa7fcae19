"""Kokoro-82M (Apache-2.0) run by torch from its dequantised ONNX graph, on CPU or GPU.

After a call `durations` holds the 25 ms units (600 samples) of every token, padding tokens included: phoneme
boundaries come for free. The pitch curve can be scaled on its way to the decoder, which onnxruntime cannot do.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor

SAMPLE_RATE = 24_000
UNIT = 600  # samples per duration unit
PITCH_NODE = "/encoder/F0_proj/Conv_output_0"  # Hz, zero or below where unvoiced
TORCH_TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}


def read_vocab(path: str | Path) -> dict[str, int]:
    """Kokoro's vocab.json: the id of each phoneme."""
    found = json.loads(Path(path).read_text())
    return dict(found.get("vocab", found))


def integers(t: Tensor) -> list[int]:
    return [int(v) for v in t.reshape(-1).tolist()]


def on_one_device(*tensors: Tensor) -> list[Tensor]:
    device = next((t.device for t in tensors if t.device.type != "cpu"), tensors[0].device)
    return [t.to(device) for t in tensors]


def slice_(x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None) -> Tensor:
    first, last = integers(starts), integers(ends)
    on = integers(axes) if axes is not None else list(range(len(first)))
    by = integers(steps) if steps is not None else [1] * len(first)
    for s, e, axis, step in zip(first, last, on, by, strict=True):
        size = x.shape[axis]
        index = list(range(size))[slice(s, None if step < 0 and e < -size else e, step)]
        if step == 1:
            x = x.narrow(axis, index[0] if index else 0, len(index))
        else:
            x = x.index_select(axis, torch.tensor(index, device=x.device))
    return x


def gather(x: Tensor, index: Tensor, axis: int = 0) -> Tensor:
    if index.dim() == 0:
        return x.select(axis, int(index))
    picked = torch.index_select(x, axis, index.reshape(-1).to(x.device))
    return picked.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


def divide(a: Tensor, b: Tensor) -> Tensor:
    a, b = on_one_device(a, b)
    return torch.nan_to_num(a / b, nan=0.0) if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def resize(x: Tensor, scales: Tensor, mode: str) -> Tensor:
    scale = float(scales[-1])
    if mode == "linear":
        return F.interpolate(x, scale_factor=scale, mode="linear", align_corners=False)
    if scale.is_integer():
        return x.repeat_interleave(int(scale), -1)
    n_out = int(np.floor(x.shape[-1] * scale + 1e-6))
    index = torch.floor(torch.arange(n_out, device=x.device) / scale).long().clamp(max=x.shape[-1] - 1)
    return x[..., index]


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, at: dict[str, Any]) -> Tensor:
    n = len(at["pads"]) // 2
    run = F.conv1d if weight.dim() == 3 else F.conv2d
    return run(x, weight, bias, at["strides"], at["pads"][:n], at["dilations"], at["group"])


def conv_transpose(x: Tensor, weight: Tensor, bias: Tensor | None, at: dict[str, Any]) -> Tensor:
    n = len(at["pads"]) // 2
    extra = at.get("output_padding", 0)
    return F.conv_transpose1d(x, weight, bias, at["strides"], at["pads"][:n], extra, at["group"], at["dilations"])


def pad_reflect(x: Tensor, pads: Tensor) -> Tensor:
    amounts = integers(pads)
    n = len(amounts) // 2
    pairs = [a for axis in reversed(range(n)) for a in (amounts[axis], amounts[axis + n])]
    while len(pairs) > 2 and pairs[-2:] == [0, 0]:
        pairs = pairs[:-2]
    return F.pad(x, pairs, mode="reflect") if x.dim() > 1 else F.pad(x[None], pairs, mode="reflect")[0]


def scatter_nd(x: Tensor, index: Tensor, updates: Tensor) -> Tensor:
    y, index = x.clone(), index.to(x.device)
    place = tuple(index[..., i] for i in range(index.shape[-1]))
    y[place] = updates.to(x.device).reshape(y[place].shape)
    return y


def stft(signal: Tensor, hop: Tensor, window: Tensor, n_fft: Tensor | None) -> Tensor:
    n = int(n_fft) if n_fft is not None else window.numel()
    signal = signal.squeeze(-1) if signal.dim() == 3 else signal
    spectrum = torch.stft(signal, n, int(hop), n, window, center=False, return_complex=True)
    return torch.view_as_real(spectrum).transpose(1, 2)


def fused_matmul(a: Tensor, b: Tensor, at: dict[str, Any]) -> Tensor:
    a = a.transpose(-1, -2) if at.get("transA") else a
    b = b.transpose(-1, -2) if at.get("transB") else b
    return a @ b * at.get("alpha", 1.0)


def squeeze(x: Tensor, axes: Tensor) -> Tensor:
    for axis in sorted((a % x.dim() for a in integers(axes)), reverse=True):
        x = x.squeeze(axis)
    return x


def unsqueeze(x: Tensor, axes: Tensor) -> Tensor:
    rank = x.dim() + axes.numel()
    for axis in sorted(a % rank for a in integers(axes)):
        x = x.unsqueeze(axis)
    return x


OPS: dict[str, Any] = {
    "Shape": lambda x, at: torch.tensor(x[0].shape),
    "Gather": lambda x, at: gather(x[0], x[1], at.get("axis", 0)),
    "Add": lambda x, at: torch.add(*on_one_device(*x)),
    "Sub": lambda x, at: torch.sub(*on_one_device(*x)),
    "Mul": lambda x, at: torch.mul(*on_one_device(*x)),
    "Pow": lambda x, at: torch.pow(*on_one_device(*x)),
    "Div": lambda x, at: divide(x[0], x[1]),
    "MatMul": lambda x, at: torch.matmul(*on_one_device(*x)),
    "FusedMatMul": lambda x, at: fused_matmul(x[0], x[1], at),
    "Equal": lambda x, at: torch.eq(*on_one_device(*x)),
    "Greater": lambda x, at: torch.gt(*on_one_device(*x)),
    "Less": lambda x, at: torch.lt(*on_one_device(*x)),
    "GreaterOrEqual": lambda x, at: torch.ge(*on_one_device(*x)),
    "And": lambda x, at: x[0] & x[1],
    "Unsqueeze": lambda x, at: unsqueeze(x[0], x[1]),
    "Squeeze": lambda x, at: squeeze(x[0], x[1]),
    "Transpose": lambda x, at: x[0].permute(at["perm"]),
    "Concat": lambda x, at: torch.cat(on_one_device(*x), at["axis"]),
    "Slice": lambda x, at: slice_(*x),
    "Where": lambda x, at: torch.where(*on_one_device(*x)),
    "Expand": lambda x, at: x[0].expand(torch.broadcast_shapes(x[0].shape, tuple(integers(x[1])))),
    "LayerNormalization": lambda x, at: F.layer_norm(x[0], x[0].shape[-1:], x[1], x[2], at["epsilon"]),
    "SkipLayerNormalization": lambda x, at: F.layer_norm(x[0] + x[1], x[0].shape[-1:], x[2], x[3], at["epsilon"]),
    "Conv": lambda x, at: conv(x[0], x[1], x[2] if len(x) > 2 else None, at),
    "ConvTranspose": lambda x, at: conv_transpose(x[0], x[1], x[2] if len(x) > 2 else None, at),
    "Cast": lambda x, at: x[0].to(TORCH_TYPES[at["to"]]),
    "LeakyRelu": lambda x, at: F.leaky_relu(x[0], at["alpha"]),
    "Reshape": lambda x, at: x[0].reshape([x[0].shape[i] if v == 0 else v for i, v in enumerate(integers(x[1]))]),
    "Sqrt": lambda x, at: x[0].sqrt() if x[0].is_floating_point() else x[0].float().sqrt(),
    "Softmax": lambda x, at: x[0].softmax(at["axis"]),
    "FastGelu": lambda x, at: F.gelu(x[0] + x[1], approximate="tanh"),
    "Sigmoid": lambda x, at: x[0].sigmoid(),
    "ReduceSum": lambda x, at: x[0].sum(integers(x[1]), keepdim=bool(at["keepdims"])),
    "ReduceMean": lambda x, at: x[0].mean(integers(x[1]), keepdim=bool(at["keepdims"])),
    "Round": lambda x, at: x[0].round(),
    "Clip": lambda x, at: x[0].clamp(*(float(t) if t is not None else None for t in x[1:])),
    "CumSum": lambda x, at: x[0].cumsum(int(x[1])),
    "Range": lambda x, at: torch.arange(x[0].item(), x[1].item(), x[2].item(), dtype=x[0].dtype),
    "Resize": lambda x, at: resize(x[0], x[2], at["mode"].decode()),
    "Floor": lambda x, at: x[0].floor(),
    "Sin": lambda x, at: x[0].sin(),
    "Cos": lambda x, at: x[0].cos(),
    "Tanh": lambda x, at: x[0].tanh(),
    "Atan": lambda x, at: x[0].atan(),
    "Exp": lambda x, at: x[0].exp(),
    "Pad": lambda x, at: pad_reflect(x[0], x[1]),
    "STFT": lambda x, at: stft(*x),
    "NonZero": lambda x, at: torch.nonzero(x[0]).T.contiguous(),
    "ScatterND": lambda x, at: scatter_nd(*x),
}


def dequantised_lstm(ins: list[str], arrays: dict[str, np.ndarray], hidden: int) -> torch.nn.LSTM:
    """The DynamicQuantizeLSTM's weights in a torch LSTM (ONNX orders the gates i o f c, torch i f c o)."""
    weight, recurrent, bias, w_scale, w_zero, r_scale, r_zero = (arrays[ins[k]] for k in (1, 2, 3, 8, 9, 10, 11))
    n_directions = weight.shape[0]

    def floats(q: np.ndarray, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
        def spread(a: np.ndarray) -> np.ndarray:
            return a.astype(np.float32).reshape((n_directions, 1, -1) if a.size > 1 else ())

        return (q.astype(np.float32) - spread(zero)) * spread(scale)

    weight, recurrent = floats(weight, w_scale, w_zero), floats(recurrent, r_scale, r_zero)  # (directions, in, 4 h)
    gates = np.concatenate([np.arange(k * hidden, (k + 1) * hidden) for k in (0, 2, 3, 1)])
    lstm = torch.nn.LSTM(weight.shape[1], hidden, bidirectional=n_directions == 2)
    parts = {"weight_ih_l0": [w.T for w in weight], "weight_hh_l0": [w.T for w in recurrent],
             "bias_ih_l0": bias[:, : 4 * hidden], "bias_hh_l0": bias[:, 4 * hidden :]}  # fmt: skip
    with torch.no_grad():
        for name, values in parts.items():
            for value, suffix in zip(values, ["", "_reverse"], strict=False):
                getattr(lstm, name + suffix).copy_(torch.from_numpy(np.ascontiguousarray(value[gates])))
    return lstm.eval()


class Kokoro:
    """The synthesizer: token ids (padding 0 in front and behind), a style vector, a speed -> audio."""

    def __init__(self, path: str, device: str) -> None:
        graph = onnx.load(path).graph
        self.device, self.output = device, graph.output[0].name
        arrays = {w.name: numpy_helper.to_array(w) for w in graph.initializer}
        # Small integers (shapes, axes) stay on the CPU, where the interpreter reads them.
        self.constants = {
            name: torch.from_numpy(np.array(a)).to(device if a.dtype == np.float32 or a.size > 1024 else "cpu")
            for name, a in arrays.items()
        }
        self.nodes = [(n.op_type, list(n.input), list(n.output), self._attributes(n)) for n in graph.node]
        self.lstms = {
            k: dequantised_lstm(ins, arrays, at["hidden_size"]).to(device)
            for k, (op, ins, _, at) in enumerate(self.nodes)
            if op == "DynamicQuantizeLSTM"
        }
        self.duration_node = next(outs[0] for op, _, outs, _ in self.nodes if op == "Clip")
        self.durations = torch.empty(0)
        self.pitch_mean = 0.0  # Hz, of the last call, before scaling
        self._frees = self._last_uses()

    @staticmethod
    def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
        found = {}
        for a in node.attribute:
            value = onnx.helper.get_attribute_value(a)
            is_tensor = a.type == onnx.AttributeProto.TENSOR
            found[a.name] = torch.from_numpy(np.array(numpy_helper.to_array(value))) if is_tensor else value
        return found

    def _last_uses(self) -> list[list[str]]:
        last = {name: k for k, (_, ins, _, _) in enumerate(self.nodes) for name in ins}
        frees: list[list[str]] = [[] for _ in self.nodes]
        for name, k in last.items():
            if name and name not in self.constants and name not in (self.output, self.duration_node):
                frees[k].append(name)
        return frees

    @torch.inference_mode()
    def __call__(
        self, tokens: list[int], style: Tensor, speed: float, pitch: float = 1.0, pitch_range: float = 1.0
    ) -> Tensor:
        """tokens without padding; style (256,). pitch scales F0, pitch_range its spread. Returns (n_samples,)."""
        values: dict[str, Tensor] = dict(self.constants)
        values["tokens"] = torch.tensor([[0, *tokens, 0]], device=self.device)
        values["style"] = style[None].to(self.device)
        values["speed"] = torch.tensor([speed], device=self.device)
        for k, (op, ins, outs, at) in enumerate(self.nodes):
            x = [values[name] if name else None for name in ins]
            if op == "Split":
                parts = torch.split(x[0], integers(x[1]), dim=at.get("axis", 0))
                values.update(zip(outs, parts, strict=True))
            else:
                values[outs[0]] = self._run(k, op, x, at)
            if outs[0] == PITCH_NODE:
                values[PITCH_NODE], self.pitch_mean = scale_pitch(values[PITCH_NODE], pitch, pitch_range)
            for name in self._frees[k]:
                values.pop(name, None)
        self.durations = values[self.duration_node].reshape(-1)
        return values[self.output].reshape(-1)

    def _run(self, k: int, op: str, x: list[Any], at: dict[str, Any]) -> Tensor:
        if op == "DynamicQuantizeLSTM":
            y = self.lstms[k](x[0])[0]
            n, b, _ = y.shape
            return y.reshape(n, b, -1, at["hidden_size"]).permute(0, 2, 1, 3)
        if op == "DequantizeLinear":
            return (x[0].to(self.device).float() - x[2].to(self.device).float()) * x[1].to(self.device)
        if op == "ConstantOfShape":
            fill = at.get("value", torch.zeros(1)).reshape(-1)[0]
            where = self.device if fill.is_floating_point() else "cpu"
            return torch.full(integers(x[0]), fill.item(), dtype=fill.dtype, device=where)
        return OPS[op](x, at)


def scale_pitch(f0: Tensor, pitch: float, pitch_range: float) -> tuple[Tensor, float]:
    """Scale the voiced part of an F0 curve in Hz, its spread around the mean by pitch_range; also the old mean."""
    voiced = f0 > 20
    mean = f0[voiced].mean() if voiced.any() else f0.new_tensor(150.0)
    moved = ((f0 - mean) * pitch_range + mean).clamp(min=30) * pitch
    return torch.where(voiced, moved, f0), float(mean)
