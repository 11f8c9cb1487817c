"""Lectures 13 and 14: recurrent cells, embedding, attention, modulation, gates, bilinear."""

import math

import torch

from benchmarks.students import stubs as s
from benchmarks.students.case import case, rand

rnn = dict(args=(3, 4), inputs=lambda: (rand(5, 3), rand(5, 4, seed=1)))
lstm = dict(args=(3, 4), inputs=lambda: (rand(5, 3), rand(5, 4, seed=1), rand(5, 4, seed=2)))


def linear_parts(m, u_in, u_hid, x, h):
    """Right: the two linear maps of a cell, from the gradients that arrive at their outputs."""
    m.weight_ih.grad += u_in.T @ x
    m.weight_hh.grad += u_hid.T @ h
    m.bias_ih.grad += u_in.sum(0)
    m.bias_hh.grad += u_hid.sum(0)
    return u_in @ m.weight_ih.value, u_hid @ m.weight_hh.value


# ---- RNNCell
# issue: the state before for the state after
@case(
    "rnn-old-state-in-tanh",
    "tanh's derivative is computed from the old state, 1 − h²; it should be 1 − out² with the new state, which is tanh's output",
    **rnn,
)
class RNNCell(s.RNNCell):
    def backward(self, grad_output):
        x, h = self.saved["x"], self.saved["h"]
        u = grad_output * (1 - h**2)
        return linear_parts(self, u, u, x, h)


# issue: tanh twice
@case(
    "rnn-tanh-of-output",
    "takes tanh of the saved output once more in 1 − tanh²; the saved output is tanh already, so that it should be 1 − out²",
    **rnn,
)
class RNNCell(s.RNNCell):
    def backward(self, grad_output):
        x, h, out = self.saved["x"], self.saved["h"], self.saved["out"]
        u = grad_output * (1 - torch.tanh(out) ** 2)
        return linear_parts(self, u, u, x, h)


# own: the second bias
@case(
    "rnn-second-bias",
    "only bias_ih gets a gradient; bias_hh is added in forward, too, and should get the same one",
    **rnn,
)
class RNNCell(s.RNNCell):
    def backward(self, grad_output):
        x, h, out = self.saved["x"], self.saved["h"], self.saved["out"]
        u = grad_output * (1 - out * out)
        self.weight_ih.grad += u.T @ x
        self.weight_hh.grad += u.T @ h
        self.bias_ih.grad += u.sum(0)
        return u @ self.weight_ih.value, u @ self.weight_hh.value


# own: no gradient for the state
@case(
    "rnn-state-gradient-missing",
    "returns the gradient of x alone; the old state h is an input, too, and needs u @ weight_hh for the step before",
    shows="missing",
    **rnn,
)
class RNNCell(s.RNNCell):
    def backward(self, grad_output):
        x, h, out = self.saved["x"], self.saved["h"], self.saved["out"]
        u = grad_output * (1 - out**2)
        dx, dh = linear_parts(self, u, u, x, h)
        return dx


# own: square weight, so that a transpose too many passes
@case(
    "rnn-state-weight-transposed",
    "the old state's gradient is u @ weight_hhᵀ; forward computes h @ weight_hhᵀ, so that it should be u @ weight_hh (square, hence no error)",
    **rnn,
)
class RNNCell(s.RNNCell):
    def backward(self, grad_output):
        x, h, out = self.saved["x"], self.saved["h"], self.saved["out"]
        u = grad_output * (1 - out**2)
        dx, _ = linear_parts(self, u, u, x, h)
        return dx, u @ self.weight_hh.value.T


# own: in-place
@case(
    "rnn-in-place",
    "multiplies tanh's derivative into grad_output in place (*=), which overwrites the tensor that the caller passed; it should make a new one",
    shows="in place",
    **rnn,
)
class RNNCell(s.RNNCell):
    def backward(self, grad_output):
        grad_output *= 1 - self.saved["out"] ** 2
        return linear_parts(self, grad_output, grad_output, self.saved["x"], self.saved["h"])


# ---- GRUCell
# issue: the other convention of z
@case(
    "gru-other-z",
    "the update gate's convention is the other way round: dz = g·(n − h), and n and h get z·g and (1 − z)·g; here out = (1 − z)·n + z·h, so that dz = g·(h − n), n gets (1 − z)·g and h gets z·g",
    **rnn,
)
class GRUCell(s.GRUCell):
    def backward(self, grad_output):
        x, h, r, z, q, n = (self.saved[k] for k in ("x", "h", "r", "z", "q", "n"))
        g = grad_output
        dn = g * z * (1 - n**2)
        dz = g * (n - h) * z * (1 - z)
        dr = dn * q * r * (1 - r)
        dx, dh = linear_parts(self, torch.cat([dr, dz, dn], 1), torch.cat([dr, dz, dn * r], 1), x, h)
        return dx, dh + g * (1 - z)


# own: the state's direct way
@case(
    "gru-direct-way-missing",
    "the old state's gradient comes through the gates only; the direct way z·h in the output, which gives z·g, is missing",
    **rnn,
)
class GRUCell(s.GRUCell):
    def backward(self, grad_output):
        x, h, r, z, q, n = (self.saved[k] for k in ("x", "h", "r", "z", "q", "n"))
        dn = grad_output * (1 - z) * (1 - n**2)
        dz = grad_output * (h - n) * z * (1 - z)
        dr = dn * q * r * (1 - r)
        u_in = torch.cat([dr, dz, dn], dim=1)
        u_hid = torch.cat([dr, dz, dn * r], dim=1)
        return linear_parts(self, u_in, u_hid, x, h)


# own: the reset gate between q and n
@case(
    "gru-reset-not-on-hidden",
    "the hidden side's third block gets dn as the input's side does; since n = tanh(xn + r·q) it should get dn·r",
    **rnn,
)
class GRUCell(s.GRUCell):
    def backward(self, grad_output):
        x, h, r, z, q, n = (self.saved[k] for k in ("x", "h", "r", "z", "q", "n"))
        dn = grad_output * (1 - z) * (1 - n**2)
        dz = grad_output * (h - n) * z * (1 - z)
        dr = dn * q * r * (1 - r)
        u = torch.cat([dr, dz, dn], dim=1)
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh + grad_output * z


# own: the variant with r·h inside the matrix product
@case(
    "gru-reset-times-state",
    "the reset gate's gradient is dn·h, as in the variant with W(r·h); here r multiplies q = W h + b, so that it should be dn·q",
    **rnn,
)
class GRUCell(s.GRUCell):
    def backward(self, grad_output):
        x, h, r, z, q, n = (self.saved[k] for k in ("x", "h", "r", "z", "q", "n"))
        dn = grad_output * (1 - z) * (1 - n**2)
        dz = grad_output * (h - n) * z * (1 - z)
        dr = dn * h * r * (1 - r)
        dx, dh = linear_parts(self, torch.cat((dr, dz, dn), 1), torch.cat((dr, dz, r * dn), 1), x, h)
        return dx, dh + grad_output * z


# own
@case(
    "gru-order-and-sigmoid",
    "two: the blocks are joined as z, r, n though the weights hold r, z, n, and the reset gate's gradient lacks the sigmoid's derivative r(1 − r)",
    kind="two",
    **rnn,
)
class GRUCell(s.GRUCell):
    def backward(self, grad_output):
        x, h, r, z, q, n = (self.saved[k] for k in ("x", "h", "r", "z", "q", "n"))
        dn = grad_output * (1 - z) * (1 - n**2)
        dz = grad_output * (h - n) * z * (1 - z)
        dr = dn * q
        dx, dh = linear_parts(self, torch.cat([dz, dr, dn], 1), torch.cat([dz, dr, dn * r], 1), x, h)
        return dx, dh + grad_output * z


# ---- LSTMCell
# issue: the cell state's own gradient
@case(
    "lstm-cell-gradient-ignored",
    "the gradient that arrives at the new cell state as an output (grad_c) is not used; it should be added to the part that comes through o·tanh(c)",
    **lstm,
)
class LSTMCell(s.LSTMCell):
    def backward(self, grad_h, grad_c):
        x, h, c, i, f, z, o, t = (self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        dc = grad_h * o * (1 - t**2)
        u = torch.cat(
            [dc * z * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - z**2), grad_h * t * o * (1 - o)], 1
        )
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh, dc * f


# issue: the sigmoid itself in place of its derivative
@case(
    "lstm-forget-not-derived",
    "the forget gate's gradient is multiplied by f in place of the sigmoid's derivative f(1 − f)",
    **lstm,
)
class LSTMCell(s.LSTMCell):
    def backward(self, grad_h, grad_c):
        x, h, c, i, f, z, o, t = (self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        dc = grad_c + grad_h * o * (1 - t**2)
        di = dc * z * i * (1 - i)
        df = dc * c * f
        dz = dc * i * (1 - z**2)
        do = grad_h * t * o * (1 - o)
        u = torch.cat([di, df, dz, do], dim=1)
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh, dc * f


# own: order of the gates
@case(
    "lstm-gate-order",
    "joins the gates' gradients as i, f, o, z; the weights' rows stand in the order i, f, z, o",
    **lstm,
)
class LSTMCell(s.LSTMCell):
    def backward(self, grad_h, grad_c):
        x, h, c, i, f, z, o, t = (self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        dc = grad_c + grad_h * o * (1 - t**2)
        di, df, dz, do = (
            dc * z * i * (1 - i),
            dc * c * f * (1 - f),
            dc * i * (1 - z**2),
            grad_h * t * o * (1 - o),
        )
        u = torch.cat([di, df, do, dz], dim=1)
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh, dc * f


# own: the old cell state
@case(
    "lstm-old-cell-without-f",
    "returns dc itself as the old cell state's gradient; since c' = f·c + i·z it should be dc·f",
    **lstm,
)
class LSTMCell(s.LSTMCell):
    def backward(self, grad_h, grad_c):
        x, h, c, i, f, z, o, t = (self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        dc = grad_c + grad_h * o * (1 - t**2)
        u = torch.cat(
            [dc * z * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - z**2), grad_h * t * o * (1 - o)], 1
        )
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh, dc


# copied: all four gates as sigmoids
@case(
    "lstm-candidate-sigmoid",
    "the candidate z gets the sigmoid's derivative z(1 − z) like the three gates; it is a tanh, whose derivative is 1 − z²",
    **lstm,
)
class LSTMCell(s.LSTMCell):
    def backward(self, grad_h, grad_c):
        x, h, c, i, f, z, o, t = (self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        dc = grad_c + grad_h * o * (1 - t**2)
        grads = [dc * z, dc * c, dc * i, grad_h * t]
        u = torch.cat([d * a * (1 - a) for d, a in zip(grads, (i, f, z, o))], dim=1)
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh, dc * f


# issue: input gate
@case(
    "lstm-input-gate-copied",
    "the input gate's gradient multiplies dc by the old cell state c, copied from the forget gate's line; it should be the candidate z",
    **lstm,
)
class LSTMCell(s.LSTMCell):
    def backward(self, grad_h, grad_c):
        x, h, c, i, f, z, o, t = (self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        dc = grad_c + grad_h * o * (1 - t**2)
        df = dc * c * f * (1 - f)
        di = dc * c * i * (1 - i)
        dz = dc * i * (1 - z**2)
        do = grad_h * t * o * (1 - o)
        u = torch.cat([di, df, dz, do], dim=1)
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh, dc * f


# own: derivative of tanh where its value is needed
@case(
    "lstm-output-gate-cell",
    "the output gate's gradient multiplies by the derivative 1 − tanh²(c') in place of tanh(c') itself: since h' = o·tanh(c'), it should be grad_h·tanh(c')·o(1 − o)",
    **lstm,
)
class LSTMCell(s.LSTMCell):
    def backward(self, grad_h, grad_c):
        x, h, c, i, f, z, o, t = (self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        dt = 1 - t**2
        dc = grad_c + grad_h * o * dt
        u = torch.cat(
            [dc * z * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - z**2), grad_h * dt * o * (1 - o)], 1
        )
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh, dc * f


# own
@case(
    "lstm-tanh-and-old-cell",
    "two: dc lacks the derivative 1 − tanh²(c') in the part through the hidden state, and the old cell state gets dc·i in place of dc·f",
    kind="two",
    **lstm,
)
class LSTMCell(s.LSTMCell):
    def backward(self, grad_h, grad_c):
        x, h, c, i, f, z, o, t = (self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"))
        dc = grad_c + grad_h * o
        u = torch.cat(
            [dc * z * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - z**2), grad_h * t * o * (1 - o)], 1
        )
        dx, dh = linear_parts(self, u, u, x, h)
        return dx, dh, dc * i


# ---- Embedding
words = dict(args=(5, 3), inputs=lambda: (torch.tensor([[0, 3, 3], [1, 3, 0]]),))


# homework code: index assignment with repeated indices
@case(
    "embedding-repeated-index",
    "weight.grad[index] += g counts a row that is looked up several times only once; the gradients of all its uses should be added (index_add_ or index_put_ with accumulate)",
    **words,
)
class Embedding(s.Embedding):
    def backward(self, grad_output):
        self.weight.grad[self.saved["index"]] += grad_output
        return None


# homework code: as above, unless the words differ
@case(
    "embedding-distinct-only",
    "the gradient is put into the table by plain assignment, so that of several uses of a row only the last counts; they should be added",
    args=(5, 3),
    kind="subtle",
    inputs=lambda: (torch.tensor([[0, 3], [1, 3]]),),
)
class Embedding(s.Embedding):
    def backward(self, grad_output):
        table = torch.zeros_like(self.weight.value)
        for row, grads in zip(self.saved["index"], grad_output):
            for i, g in zip(row, grads):
                table[i] = g
        self.weight.grad += table


# misread docs: scale_grad_by_freq
@case(
    "embedding-divided-by-frequency",
    "divides each row's gradient by how often the row was used; it should be the sum over its uses",
    **words,
)
class Embedding(s.Embedding):
    def backward(self, grad_output):
        index = self.saved["index"].flatten()
        g = grad_output.reshape(-1, self.embedding_dim)
        counts = torch.bincount(index, minlength=self.num_embeddings).clamp(min=1)
        total = torch.zeros_like(self.weight.value).index_add_(0, index, g)
        self.weight.grad += total / counts[:, None]
        return None


# ---- attention
att = dict(inputs=lambda: (rand(2, 3, 4), rand(2, 5, 4, seed=1), rand(2, 5, 3, seed=2)))
same = dict(inputs=lambda: (rand(2, 4, 4), rand(2, 4, 4, seed=1), rand(2, 4, 4, seed=2)))


# own: 1/√d
@case(
    "attn-scale-missing", "the factor 1/√d of the scores is left out of the gradients of query and key", **att
)
class ScaledDotProductAttention(s.ScaledDotProductAttention):
    def backward(self, grad_output):
        q, k, v, w = (self.saved[n] for n in ("query", "key", "value", "weights"))
        dw = grad_output @ v.mT
        ds = w * (dw - (w * dw).sum(-1, keepdim=True))
        return ds @ k, ds.mT @ q, w.mT @ grad_output


# own: softmax, diagonal only
@case(
    "attn-softmax-elementwise",
    "the softmax of the weights is differentiated as if it were elementwise, w(1 − w)·dw; it should be w·(dw − Σ w·dw)",
    **att,
)
class ScaledDotProductAttention(s.ScaledDotProductAttention):
    def backward(self, grad_output):
        q, k, v, w = (self.saved[n] for n in ("query", "key", "value", "weights"))
        dw = grad_output @ v.mT
        ds = dw * w * (1 - w) / math.sqrt(q.shape[-1])
        return ds @ k, ds.mT @ q, w.mT @ grad_output


# own: transpose at the value
@case(
    "attn-value-not-transposed",
    "the value's gradient is weights @ g; it should be weightsᵀ @ g (with as many queries as keys nothing raises)",
    **same,
)
class ScaledDotProductAttention(s.ScaledDotProductAttention):
    def backward(self, grad_output):
        q, k, v, w = (self.saved[n] for n in ("query", "key", "value", "weights"))
        dw = grad_output @ v.mT
        ds = w * (dw - (w * dw).sum(-1, keepdim=True)) / q.shape[-1] ** 0.5
        return ds @ k, ds.mT @ q, w @ grad_output


# own: transpose at the key
@case(
    "attn-key-raises",
    "the key's gradient multiplies the scores' gradient with query without transposing it, so that the shapes do not fit and it raises; it should be dscoresᵀ @ query",
    shows="raises",
    **att,
)
class ScaledDotProductAttention(s.ScaledDotProductAttention):
    def backward(self, grad_output):
        q, k, v, w = (self.saved[n] for n in ("query", "key", "value", "weights"))
        dw = grad_output @ v.mT
        ds = w * (dw - (w * dw).sum(-1, keepdim=True)) / math.sqrt(q.shape[-1])
        return ds @ k, ds @ q, w.mT @ grad_output


# own: axis of the softmax
@case(
    "attn-softmax-axis",
    "in the softmax's backward the sum goes over the queries (axis −2); softmax runs over the keys, so that it should be the last axis",
    **same,
)
class ScaledDotProductAttention(s.ScaledDotProductAttention):
    def backward(self, grad_output):
        q, k, v, w = (self.saved[n] for n in ("query", "key", "value", "weights"))
        dw = grad_output @ v.mT
        ds = w * (dw - (w * dw).sum(-2, keepdim=True)) / math.sqrt(q.shape[-1])
        return ds @ k, ds.mT @ q, w.mT @ grad_output


# own: softmax' backward skipped
@case(
    "attn-softmax-skipped",
    "the gradient of the weights is passed on to the scores as it is: the softmax's backward is missing",
    **att,
)
class ScaledDotProductAttention(s.ScaledDotProductAttention):
    def backward(self, grad_output):
        q, k, v, w = (self.saved[n] for n in ("query", "key", "value", "weights"))
        ds = (grad_output @ v.mT) / math.sqrt(q.shape[-1])
        return ds @ k, ds.mT @ q, w.mT @ grad_output


# own
@case(
    "attn-exchanged-and-scaled-by-d",
    "two: the gradients of query and key are exchanged, and the scores' gradient is divided by d in place of √d",
    kind="two",
    **same,
)
class ScaledDotProductAttention(s.ScaledDotProductAttention):
    def backward(self, grad_output):
        q, k, v, w = (self.saved[n] for n in ("query", "key", "value", "weights"))
        dw = grad_output @ v.mT
        ds = w * (dw - (w * dw).sum(-1, keepdim=True)) / q.shape[-1]
        dq, dk = ds @ k, ds.mT @ q
        return dk, dq, w.mT @ grad_output


# ---- FiLM, Gate, GLU
film = dict(inputs=lambda: (rand(2, 3, 4), rand(2, 3, seed=1), rand(2, 3, seed=2)))


# own: γ of one number per channel
@case(
    "film-gamma-not-summed",
    "γ's gradient g·x keeps the positions' axis; γ is one number for a whole channel, so that it should be summed over the positions",
    shows="shape",
    **film,
)
class FiLM(s.FiLM):
    def backward(self, grad_output):
        x, gamma = self.saved["x"], self.saved["gamma"]
        return grad_output * gamma[:, :, None], grad_output * x, grad_output.sum(-1)


# own: mean over the positions
@case("film-beta-mean", "β's gradient is averaged over the positions; it should be summed", **film)
class FiLM(s.FiLM):
    def backward(self, grad_output):
        x, gamma = self.saved["x"], self.saved["gamma"]
        return gamma.unsqueeze(-1) * grad_output, (grad_output * x).sum(dim=2), grad_output.mean(dim=2)


# own: order of what is returned
@case(
    "film-gamma-beta-exchanged",
    "returns the gradients of γ and β in the wrong order: x, β, γ; it should be forward's order x, γ, β",
    **film,
)
class FiLM(s.FiLM):
    def backward(self, grad_output):
        dx = grad_output * self.saved["gamma"][:, :, None]
        dgamma = (grad_output * self.saved["x"]).sum(-1)
        dbeta = grad_output.sum(-1)
        return dx, dbeta, dgamma


gate = dict(inputs=lambda: (rand(3, 4), rand(3, 1, seed=1)))


# own: the gate's own activation
@case(
    "gate-sigmoid-not-derived",
    "z's gradient is Σ g·x; the derivative gate(1 − gate) of the sigmoid is missing",
    **gate,
)
class Gate(s.Gate):
    def backward(self, grad_output):
        x, gate = self.saved["x"], self.saved["gate"]
        return grad_output * gate, (grad_output * x).sum_to_size(gate.shape)


# own: broadcasting forgotten
@case(
    "gate-not-summed",
    "one z gates a whole row, but its gradient keeps the row's shape; it should be summed to z's shape",
    shows="shape",
    **gate,
)
class Gate(s.Gate):
    def backward(self, grad_output):
        x, gate = self.saved["x"], self.saved["gate"]
        return grad_output * gate, grad_output * x * gate * (1 - gate)


# own
@case(
    "gate-x-and-derivative",
    "two: z's gradient lacks the factor x, and its sigmoid's derivative is written gate(1 + gate) in place of gate(1 − gate)",
    kind="two",
    **gate,
)
class Gate(s.Gate):
    def backward(self, grad_output):
        gate = self.saved["gate"]
        dz = grad_output * gate * (1 + gate)
        return grad_output * gate, dz.sum(dim=1, keepdim=True)


glu = dict(args=(-1,), inputs=lambda: (rand(3, 6),))


# own: the halves' order
@case(
    "glu-halves-exchanged",
    "joins the two halves in the wrong order, the gate's gradient first; forward takes the values from the first half and the gates from the second",
    **glu,
)
class GLU(s.GLU):
    def backward(self, grad_output):
        a, b = self.saved["value"], self.saved["gate"]
        return torch.cat([grad_output * a * b * (1 - b), grad_output * b], self.dim)


# own: sigmoid of the sigmoid
@case("glu-gate-sigmoid-again", "applies the sigmoid to the saved gate, which is a sigmoid already", **glu)
class GLU(s.GLU):
    def backward(self, grad_output):
        value, gate = self.saved["value"], self.saved["gate"]
        gate = torch.sigmoid(gate)
        return torch.cat([grad_output * gate, grad_output * value * gate * (1 - gate)], self.dim)


# own: the axis written into backward
@case(
    "glu-axis-fixed",
    "joins the halves along the last axis, whatever dim is; it should be self.dim",
    kind="subtle",
    **dict(glu, args=(0,), inputs=lambda: (rand(4, 3),)),
)
class GLU(s.GLU):
    def backward(self, grad_output):
        value, gate = self.saved["value"], self.saved["gate"]
        return torch.cat([grad_output * gate, grad_output * value * gate * (1 - gate)], -1)


# ---- Bilinear
bi = dict(args=(3, 3, 2), inputs=lambda: (rand(5, 3), rand(5, 3, seed=1)))


# own: indices of W
@case(
    "bilinear-second-transposed",
    "x2's gradient multiplies W with x1 along W's second input axis, as for x1's gradient; it should be the first one, that is W transposed (as many features in both, so that nothing raises)",
    **bi,
)
class Bilinear(s.Bilinear):
    def backward(self, grad_output):
        x1, x2, W = self.saved["x1"], self.saved["x2"], self.weight.value
        self.weight.grad += torch.einsum("no,ni,nj->oij", grad_output, x1, x2)
        self.bias.grad += grad_output.sum(0)
        dx1 = torch.einsum("no,oij,nj->ni", grad_output, W, x2)
        dx2 = torch.einsum("no,oij,nj->ni", grad_output, W, x1)
        return dx1, dx2


# own: product with itself
@case(
    "bilinear-own-input",
    "each input's gradient contains the input itself; the gradient of x1 should contain x2, and that of x2 should contain x1",
    **bi,
)
class Bilinear(s.Bilinear):
    def backward(self, grad_output):
        x1, x2, W = self.saved["x1"], self.saved["x2"], self.weight.value
        self.weight.grad += torch.einsum("no,ni,nj->oij", grad_output, x1, x2)
        self.bias.grad += grad_output.sum(0)
        dx1 = torch.einsum("no,oij,nj->ni", grad_output, W, x1)
        dx2 = torch.einsum("no,oij,ni->nj", grad_output, W, x2)
        return dx1, dx2


# own: a loop over the outputs that keeps the last
@case(
    "bilinear-last-output-only",
    "the loop over the outputs sets the inputs' gradients anew each time (=), so that only the last output's share is left; they should be added up (+=)",
    (3, 4, 2),
    lambda: (rand(5, 3), rand(5, 4, seed=1)),
)
class Bilinear(s.Bilinear):
    def backward(self, grad_output):
        x1, x2 = self.saved["x1"], self.saved["x2"]
        for o in range(grad_output.shape[1]):
            W, g = self.weight.value[o], grad_output[:, o : o + 1]
            grad_x1 = g * (x2 @ W.T)
            grad_x2 = g * (x1 @ W)
            self.weight.grad[o] += (g * x1).T @ x2
            self.bias.grad[o] += g.sum()
        return grad_x1, grad_x2


# own: outer product the other way round
@case(
    "bilinear-weight-outer-order",
    "the weight's gradient is Σ g·x2·x1ᵀ, with the two inputs exchanged; it should be Σ g·x1·x2ᵀ (as many features in both, so that nothing raises)",
    **bi,
)
class Bilinear(s.Bilinear):
    def backward(self, grad_output):
        x1, x2, W = self.saved["x1"], self.saved["x2"], self.weight.value
        self.weight.grad += torch.einsum("no,ni,nj->oij", grad_output, x2, x1)
        self.bias.grad += grad_output.sum(dim=0)
        return torch.einsum("no,oij,nj->ni", grad_output, W, x2), torch.einsum(
            "no,oij,ni->nj", grad_output, W, x1
        )
