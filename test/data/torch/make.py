"""Writes this folder's archives with PyTorch 2.13 (CPU): weights in several forms, and files that must be refused."""
import os
import zipfile

import torch
from torch import nn

base = torch.arange(12.0).reshape(3, 4)
weights = {
    "w": torch.arange(6.0).reshape(2, 3),
    "half": torch.tensor([1.5, -2.25], dtype=torch.float16),
    "bf": torch.tensor([3.0, 0.1], dtype=torch.bfloat16),
    "ids": torch.tensor([1, -3]),
    "flag": torch.tensor([True, False]),
    "scalar": torch.tensor(2.5),
    "u8": torch.tensor([7, 255], dtype=torch.uint8),
    "double": torch.tensor([0.5], dtype=torch.float64),
    "empty": torch.zeros(0, 3),
    "column": base[:, 1],
    "transposed": base.t(),
    "shared": base,
}
torch.save(weights, "plain.pt")
torch.save(weights, "legacy.pt", _use_new_zipfile_serialization=False)
wrapped = {f"module.{name}": weights[name] for name in ("w", "half")}
torch.save({"state_dict": wrapped, "epoch": 3, "args": {"lr": 0.1, "list": [1, 2]}}, "nested.pt")


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(4.0).reshape(2, 2))
        self.register_buffer("running", torch.ones(2))

    def forward(self, x):
        return x @ self.weight + self.running


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual = Inner()
        self.logit_scale = nn.Parameter(torch.tensor(2.5))
        self.blocks = nn.Sequential(Inner(), Inner())

    def forward(self, x):
        return self.blocks(self.visual(x)) * self.logit_scale


torch.jit.script(Outer().half()).save("script.pt")


class Evil:
    def __reduce__(self):
        return (os.system, ("touch owned",))


torch.save({"w": Evil()}, "evil.pt")


def repack(source, target, mode=zipfile.ZIP_STORED, change=lambda name, data: data):
    with zipfile.ZipFile(source) as a, zipfile.ZipFile(target, "w", mode) as b:
        for entry in a.infolist():
            b.writestr(entry.filename, change(entry.filename, a.read(entry)))


repack("plain.pt", "compressed.pt", zipfile.ZIP_DEFLATED)
repack("nested.pt", "short.pt", change=lambda name, data: data[:-4] if name.endswith("data/0") else data)

# A small file that would take much memory: many views of one storage, each a tensor of its own.
whole = torch.zeros(4000, dtype=torch.uint8)
torch.save({f"v{i}": whole[:] for i in range(100)}, "views.pt")
