#!/usr/bin/env bash
# torch 2.13.0, CPU: the gradient of hardsigmoid in float64 is the float32 number nearest to 1/6.
#
# Behavior: torch.nn.functional.hardsigmoid(x) = relu6(x + 3) / 6 is right to the last digit of float64. Its gradient
# for −3 < x < 3 is 0.1666666716337204, which is 1/6 rounded to float32: off by 3e-8, relatively, where float64
# promises 1e-16. hardswish beside it, with the same 1/6, is right. Expected: 0.16666666666666666, as by
# differentiating relu6(x + 3) / 6. A comparison with another implementation to 1e-9, usual in float64, fails;
# gradcheck's default tolerances hide it.
#
# Output seen:
#   forward off by 0.0e+00
#   gradient 0.1666666716337204, float32(1/6) 0.1666666716337204, 1/6 0.16666666666666666
#   hardswish's gradient off by less than 1e-12: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$folder/seen.py" <<'PY'
import torch
import torch.nn.functional as F

x = torch.linspace(-2.9, 2.9, 101, dtype=torch.float64, requires_grad=True)
out = F.hardsigmoid(x)
print(f"forward off by {(out - F.relu6(x + 3) / 6).abs().max().item():.1e}")
(grad,) = torch.autograd.grad(out.sum(), x)
single = torch.tensor(1 / 6, dtype=torch.float32).item()
print(f"gradient {grad[50].item()}, float32(1/6) {single}, 1/6 {1 / 6}")
assert (grad == single).all()
(grad,) = torch.autograd.grad(F.hardswish(x).sum(), x)
right = bool(((grad - (2 * x + 3) / 6).abs() < 1e-12).all())
print(f"hardswish's gradient off by less than 1e-12: {right}")
assert right
PY
"$folder/venv/bin/python" "$folder/seen.py"
