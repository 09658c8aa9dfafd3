"""What dtypes, layouts, shapes and devices ask of a layer."""

from __future__ import annotations

import torch
from contract import BF16, F16, F32, F64, Contract, assert_near, results
from torch import Tensor, nn

NEAR = {F64: 2e-5, BF16: 0.1, F16: 0.02}  # of some layers, one after another


class DtypesAndLayouts(Contract):
    """Maps of every dtype, layout and size."""

    def float64(self) -> None:
        """float64"""
        self.in_dtype(F64)

    def bfloat16(self) -> None:
        """bfloat16 model and maps"""
        self.in_dtype(BF16)

    def float16(self) -> None:
        """float16 model and maps"""
        self.in_dtype(F16)

    def in_dtype(self, dtype: torch.dtype) -> None:
        """Beside float32 of the same, rounded, numbers."""
        exact = self.model(dtype).to(F32)
        found = results(self.model(dtype), self.maps(dtype=dtype))
        # Spectra of float16 are float32, and so are the maps that they become.
        of_spectra = dtype == F16 and self.subject.kinds & {"spectral", "transform"}
        assert found[0].dtype == (F32 if of_spectra else dtype)
        assert [t.dtype for t in found[1:]] == [dtype] * (len(found) - 1)
        self.alike(found, results(exact, self.maps(dtype=dtype).float()), NEAR[dtype])

    def autocast_bfloat16(self) -> None:
        """Autocast on a CPU, bfloat16"""
        self.autocast("cpu", BF16)

    def autocast_float16(self) -> None:
        """Autocast on a CPU, float16"""
        self.autocast("cpu", F16)

    def autocast(self, device: str, dtype: torch.dtype) -> None:
        model, plain = self.model().to(device), self.subject.plain
        x = self.maps().to(device)

        def lower(x: Tensor, model: nn.Module = model) -> Tensor:
            with torch.autocast(device, dtype):
                y: Tensor = model(x)
            return y

        found = results(model, x, lower)
        if plain is not None:
            assert found[0].dtype == lower(x, plain().to(device)).dtype
        assert [t.dtype for t in found[1:]] == [F32] * len(found[1:])
        self.alike(found, results(self.model().to(device), x), 2 * NEAR[dtype])

    def channels_last(self) -> None:
        """`channels_last` in: the same values, out in the format that PyTorch's layer has"""
        memory = torch.channels_last if len(self.subject.sample) == 3 else torch.channels_last_3d
        model, x = self.model(), self.maps()
        expected = results(model, x)
        model = self.model().to(memory_format=memory)  # type: ignore[call-overload]
        found = results(model, x.to(memory_format=memory))
        self.alike(found, expected)
        plain = self.subject.plain
        if plain is not None:
            y = plain().to(memory_format=memory)(x.to(memory_format=memory))  # type: ignore[call-overload]
            assert found[0].is_contiguous(memory_format=memory) == y.is_contiguous(
                memory_format=memory
            )

    def strided(self) -> None:
        """Maps that are turned, sliced or expanded views"""
        x = self.maps()
        expected = results(self.model(), x)
        turned = x.transpose(1, -1).contiguous().transpose(1, -1)
        sliced = torch.stack([x, x], -1)[..., 1]
        for view in (turned, sliced):
            self.alike(results(self.model(), view), expected)
        one = self.maps(1)
        repeated = one.repeat(3, *[1] * len(self.subject.sample))
        expanded = one.expand(repeated.shape)
        model, same = self.model(), self.model()
        torch.manual_seed(1)
        y = model(expanded)
        torch.manual_seed(1)
        assert_near([y], [same(repeated)], 2e-5)

    def unbatched(self) -> None:
        """One map without a batch"""
        model, x = self.model(), self.maps(1)
        expected = results(self.model(), x)
        found = results(model, x[0])
        self.alike([found[0][None], found[1][None], *found[2:]], expected)

    def empty_batch(self) -> None:
        """A batch of no maps, forward and backward"""
        found = results(self.evaluated(), self.maps(0))
        whole = results(self.evaluated(), self.maps(1))
        assert found[0].shape == (0, *whole[0].shape[1:])
        assert found[1].shape == (0, *self.subject.sample)
        assert not any(t.any() for t in found)

    def meta(self) -> None:
        """On the meta device it has shapes, and `to_empty` and a state make it whole"""
        with torch.device("meta"):
            model = self.subject.make()
        assert all(p.is_meta for p in model.parameters())
        with torch.no_grad():
            y = model.eval()(self.maps().to("meta"))
        expected = results(self.evaluated(), self.maps())
        assert (y.shape, y.device.type) == (expected[0].shape, "meta")
        repr(model)
        whole = model.to_empty(device="cpu")
        whole.load_state_dict(self.evaluated().state_dict())
        self.alike(results(whole, self.maps()), expected)

    def dtype_of_construction(self) -> None:
        """`torch.set_default_dtype(float64)` while it is made is its dtype, as of `nn.Conv2d`"""
        before = torch.get_default_dtype()
        torch.set_default_dtype(F64)
        try:
            torch.manual_seed(0)
            model = self.subject.make()
        finally:
            torch.set_default_dtype(before)
        assert {p.dtype for p in model.parameters()} <= {F64}
        same = self.model(F64)
        same.load_state_dict(model.state_dict())
        self.alike(results(model, self.maps(dtype=F64)), results(same, self.maps(dtype=F64)), 1e-9)
