"""What copies, files and module surgery ask of a layer."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable

import safetensors.torch
import torch
from contract import F64, Contract, results
from torch import Tensor, nn


class CopiesAndFiles(Contract):
    """Copies and files."""

    def deepcopy(self) -> None:
        """`copy.deepcopy`, independent of what was copied"""
        self.copied(copy.deepcopy)

    def pickle(self) -> None:
        """`pickle`"""
        self.copied(lambda model: pickle.loads(pickle.dumps(model)))

    def saved_whole(self) -> None:
        """`torch.save` of the module"""

        def through_a_file(model: nn.Module) -> nn.Module:
            file = io.BytesIO()
            torch.save(model, file)
            file.seek(0)
            back: nn.Module = torch.load(file, weights_only=False)
            return back

        self.copied(through_a_file)

    def copied(self, by: Callable[[nn.Module], nn.Module]) -> None:
        model = self.disturbed()
        results(model, self.maps())  # whatever a call leaves behind is copied too
        other = by(model)
        expected = results(model.eval(), self.maps())
        self.alike(results(other.eval(), self.maps()), expected, 1e-6)
        with torch.no_grad():
            for p in other.parameters():
                p.add_(1)
        self.alike(results(model.eval(), self.maps()), expected, 1e-6)

    def state_dict(self) -> None:
        """`state_dict`, strict, through a file that is read with `weights_only=True`"""

        def through_a_file(state: dict[str, Tensor]) -> dict[str, Tensor]:
            file = io.BytesIO()
            torch.save(state, file)
            file.seek(0)
            back: dict[str, Tensor] = torch.load(file, weights_only=True)
            return back

        self.loaded(through_a_file)

    def safetensors(self) -> None:
        """`safetensors`"""
        self.loaded(lambda state: safetensors.torch.load(safetensors.torch.save(state)))

    def assigned(self) -> None:
        """`load_state_dict(assign=True)`"""
        self.loaded(copy.deepcopy, assign=True)

    def loaded(
        self, by: Callable[[dict[str, Tensor]], dict[str, Tensor]], *, assign: bool = False
    ) -> None:
        model = self.disturbed()
        results(model, self.maps())
        state = model.state_dict()
        fresh = self.model()
        if self.subject.plain is not None:  # and what a call has left behind is forgotten
            with torch.no_grad():
                fresh.eval()(self.maps())
        fresh.load_state_dict(by(state), strict=True, assign=assign)
        self.alike(results(fresh.eval(), self.maps()), results(model.eval(), self.maps()), 1e-6)

    def state_of_plain(self) -> None:
        """The `state_dict` is that of PyTorch's own layer, both ways"""
        assert self.subject.plain is not None
        ours, plain = self.disturbed(), self.subject.plain()
        prefix = "model." if "scope" in self.subject.kinds else ""
        state = {f"{prefix}{name}": t for name, t in plain.state_dict().items()}
        assert list(ours.state_dict()) == list(state)
        ours.load_state_dict(state, strict=True)
        for name, t in ours.state_dict().items():
            assert torch.equal(t, state[name])
        back = {name.removeprefix(prefix): t for name, t in self.disturbed().state_dict().items()}
        plain.load_state_dict(back, strict=True)
        for name, t in plain.state_dict().items():
            assert torch.equal(t, back[name])

    def swapped(self) -> None:
        """`torch.__future__.set_swap_module_params_on_conversion`"""
        before = torch.__future__.get_swap_module_params_on_conversion()
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            model = self.model()
            with torch.no_grad():
                model(self.maps())
            ids = [id(p) for p in model.parameters()]
            model.double()
            assert [id(p) for p in model.parameters()] == ids
            model.load_state_dict(self.model(F64).state_dict())
        finally:
            torch.__future__.set_swap_module_params_on_conversion(before)
        x = self.maps(dtype=F64)
        self.alike(results(model.eval(), x), results(self.evaluated(F64), x), 1e-9)

    def moved(self) -> None:
        """`to` another dtype and back, after it has computed"""
        model = self.evaluated()
        with torch.no_grad():
            model(self.maps())
        wide = results(model.double(), self.maps(dtype=F64))
        self.alike(wide, results(self.evaluated(F64), self.maps(dtype=F64)), 1e-9)
        self.alike(results(model.float(), self.maps()), results(self.evaluated(), self.maps()))

    def modes(self) -> None:
        """`train` and `eval`, and a text that says what it is"""
        model = self.model()
        assert all(m.training for m in model.modules())
        assert not any(m.training for m in model.eval().modules())
        assert all(m.training for m in model.train().modules())
        assert type(model).__name__ in repr(model)
        self.alike(results(model, self.maps()), results(self.model(), self.maps()))

    def disturbed(self) -> nn.Module:
        """Another than a fresh one."""
        model = self.model()
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(1.25)
            for name, b in model.named_buffers():
                if b.is_floating_point() and "running" in name:
                    b.add_(0.25)
        return model
