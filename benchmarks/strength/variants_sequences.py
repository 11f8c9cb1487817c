"""Correct variants, written by hand: recurrent cells and attention."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import math
from typing import Any

import torch
from torch import Tensor

from benchmarks.strength._variant import by_hand
from course import modules as library
from course.module import Parameter


def gates_of(parameter: Parameter, hidden: int) -> list[Tensor]:
    """The rows of each gate."""
    return list(parameter.value.split(hidden))


def add_gate(module: Any, gate: int, u: Tensor, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Add one gate's share to the parameters' gradients; returns its shares of ∂L/∂x and ∂L/∂h."""
    rows = slice(gate * module.hidden_size, (gate + 1) * module.hidden_size)
    module.weight_ih.grad[rows] += u.T @ x
    module.weight_hh.grad[rows] += u.T @ h
    for bias in (module.bias_ih, module.bias_hh):
        if bias is not None:
            bias.grad[rows] += u.sum(0)
    return u @ module.weight_ih.value[rows], u @ module.weight_hh.value[rows]


@by_hand("gate by gate, from the sums before the squashing")
class LSTMCellByGate(library.LSTMCell):
    def backward(self, grad_h, grad_c=None):
        x, h, c, i, f, z, o, t = (self.saved[name] for name in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        grad_o = grad_h * t
        grad_cell = grad_h * o * (1 - t**2) + (0 if grad_c is None else grad_c)
        grad_gates = [
            grad_cell * z * i * (1 - i),
            grad_cell * c * f * (1 - f),
            grad_cell * i * (1 - z**2),
            grad_o * o * (1 - o),
        ]
        shares = [add_gate(self, gate, u, x, h) for gate, u in enumerate(grad_gates)]
        grad_x, grad_state = (torch.stack(parts).sum(0) for parts in zip(*shares, strict=True))
        return grad_x, grad_state, grad_cell * f


@by_hand("only the inputs saved, everything computed again, row by row", 0, 1)
class LSTMCellByRow(library.LSTMCell):
    def forward(self, x, h, c):
        out = super().forward(x, h, c)
        self.save(x=x, h=h, c=c)
        return out

    def backward(self, grad_h, grad_c):
        grads = []
        for x, h, c, g_h, g_c in zip(
            self.saved["x"], self.saved["h"], self.saved["c"], grad_h, grad_c, strict=True
        ):
            a = self.weight_ih.value @ x + self.weight_hh.value @ h
            a = a if self.bias_ih is None else a + self.bias_ih.value + self.bias_hh.value
            i, f, z, o = a.view(4, -1)
            i, f, z, o = i.sigmoid(), f.sigmoid(), z.tanh(), o.sigmoid()
            t = torch.tanh(f * c + i * z)
            cell = g_c + g_h * o / torch.cosh(f * c + i * z) ** 2
            u = torch.cat(
                [
                    cell * z * i * (1 - i),
                    cell * c * f * (1 - f),
                    cell * i * (1 - z * z),
                    g_h * t * (o - o * o),
                ]
            )
            self.weight_ih.grad += torch.outer(u, x)
            self.weight_hh.grad += torch.outer(u, h)
            for bias in (self.bias_ih, self.bias_hh):
                if bias is not None:
                    bias.grad = bias.grad + u
            grads.append((self.weight_ih.value.T @ u, self.weight_hh.value.T @ u, cell * f))
        return tuple(torch.stack(column) for column in zip(*grads, strict=True))


@by_hand("gate by gate")
class GRUCellByGate(library.GRUCell):
    def backward(self, grad_output):
        x, h, gates, q, n = (self.saved[name] for name in ("x", "h", "gates", "q", "n"))
        r, z = gates[:, : self.hidden_size], gates[:, self.hidden_size :]
        grad_n = grad_output - grad_output * z
        grad_z = grad_output * h - grad_output * n
        before_n = grad_n / torch.cosh(torch.atanh(n)) ** 2
        before_z, before_r = grad_z * z * (1 - z), before_n * q * r * (1 - r)
        grad_x_r, grad_h_r = add_gate(self, 0, before_r, x, h)
        grad_x_z, grad_h_z = add_gate(self, 1, before_z, x, h)
        w_x, w_h = (
            gates_of(self.weight_ih, self.hidden_size)[2],
            gates_of(self.weight_hh, self.hidden_size)[2],
        )
        rows = slice(2 * self.hidden_size, None)
        self.weight_ih.grad[rows] += before_n.T @ x
        self.weight_hh.grad[rows] += (before_n * r).T @ h
        if self.bias_ih is not None and self.bias_hh is not None:
            self.bias_ih.grad[rows] += before_n.sum(0)
            self.bias_hh.grad[rows] += (before_n * r).sum(0)
        grad_x = grad_x_r + grad_x_z + before_n @ w_x
        return grad_x, grad_h_r + grad_h_z + (before_n * r) @ w_h + grad_output * z


@by_hand("input and state side by side in one matrix")
class RNNCellJoined(library.RNNCell):
    def backward(self, grad_output):
        out, size = self.saved["out"], self.input_size
        joined = torch.cat([self.saved["x"], self.saved["h"]], 1)
        slope = 1 - out**2 if self.nonlinearity == "tanh" else (out > 0).to(out)
        u = grad_output * slope
        grad_matrix = torch.einsum("no,ni->oi", u, joined)
        self.weight_ih.grad = self.weight_ih.grad + grad_matrix[:, :size]
        self.weight_hh.grad = self.weight_hh.grad + grad_matrix[:, size:]
        for bias in (self.bias_ih, self.bias_hh):
            if bias is not None:
                bias.grad = bias.grad + u.sum(0)
        grad = u @ torch.cat([self.weight_ih.value, self.weight_hh.value], 1)
        return grad[:, :size], grad[:, size:]


@by_hand("one query at a time, full Jacobian of its softmax", 0, 1, 3)
class AttentionByQuery(library.ScaledDotProductAttention):
    def backward(self, grad_output):
        query, key, value, weights = (self.saved[name] for name in ("query", "key", "value", "weights"))
        scale = self.scale if self.scale is not None else 1 / math.sqrt(query.shape[-1])
        grads = torch.zeros_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for n in range(len(query)):
            for i, (a, g) in enumerate(zip(weights[n], grad_output[n], strict=True)):
                grads[2][n] += torch.outer(a, g)
                grad_scores = scale * (torch.diag(a) - torch.outer(a, a)) @ (value[n] @ g)
                grads[0][n, i] = grad_scores @ key[n]
                grads[1][n] += torch.outer(grad_scores, query[n, i])
        left_out = (None,) * (len(self._accepted) - 3)
        return *grads, *left_out


@by_hand("einsum, with the added mask's gradient", 2)
class AttentionByEinsum(library.ScaledDotProductAttention):
    def backward(self, grad_output):
        query, key, value, a = (self.saved[name] for name in ("query", "key", "value", "weights"))
        scale = query.shape[-1] ** -0.5
        grad_a = torch.einsum("nqv,nkv->nqk", grad_output, value)
        grad_s = a * grad_a - a * torch.einsum("nqk,nqk->nq", a, grad_a)[..., None]
        grad_query = scale * torch.einsum("nqk,nkf->nqf", grad_s, key)
        grad_key = scale * torch.einsum("nqk,nqf->nkf", grad_s, query)
        return grad_query, grad_key, torch.einsum("nqk,nqv->nkv", a, grad_output), grad_s.sum(0)


@by_hand("head by head", 0, 1)
class MultiheadAttentionByHead(library.MultiheadAttention):
    def backward(self, grad_output, grad_weights):
        inputs, a = self.saved["inputs"], self.saved["weights"]  # batch first; batch × heads × queries × keys
        grad = self.out_proj.backward(grad_output.transpose(0, 1))
        size, scale = self.head_dim, self.head_dim**-0.5
        projected = [self.saved[name] for name in ("query", "key", "value")]
        grad_inputs = [torch.zeros_like(x) for x in inputs]
        for head in range(self.num_heads):
            q, k, v = (t[:, head] for t in projected)
            g, weights = grad[..., head * size : (head + 1) * size], a[:, head]
            grad_a = g @ v.mT + grad_weights / self.num_heads
            grad_s = weights * (grad_a - (grad_a * weights).sum(-1, keepdim=True))
            for part, u in enumerate((scale * grad_s @ k, scale * grad_s.mT @ q, weights.mT @ g)):
                rows = slice(part * self.embed_dim + head * size, part * self.embed_dim + (head + 1) * size)
                self.in_proj_weight.grad[rows] += torch.einsum("nto,nti->oi", u, inputs[part])
                if self.in_proj_bias is not None:
                    self.in_proj_bias.grad[rows] += u.sum((0, 1))
                grad_inputs[part] += u @ self.in_proj_weight.value[rows]
        return tuple(x.transpose(0, 1) for x in grad_inputs)
