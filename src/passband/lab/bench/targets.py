"""How fast it shall be: ratios of time, ``nn.Conv`` in its faster memory format over ours."""

from dataclasses import dataclass

from passband.lab.bench.case import Case


@dataclass(frozen=True)
class Target:
    """A goal and a must for some cases.

    Attributes:
        command: ``conv``, ``step`` or ``inference``.
        group: Group of layers, or name of a network.
        keep: The keep that it speaks of.
        goal: The ratio aimed at.
        must: The least ratio that will do.
        dtype: The precision that it speaks of.
        device: The kind of device; None for any.
        kernel: It speaks of kernels with at least as many taps on an axis.
        channels: It speaks of layers with at least as many input channels.
    """

    command: str
    group: str
    keep: float
    goal: float | None
    must: float | None
    dtype: str = "float32"
    device: str | None = None
    kernel: int = 0
    channels: int = 0

    def speaks_of(self, command: str, case: Case, keep: float, dtype: str, device: str) -> bool:
        """Whether the target is for such a measurement."""
        return (
            (self.command, self.group, self.keep, self.dtype) == (command, case.group, keep, dtype)
            and self.device in (None, device)
            and case.kernel >= self.kernel
            and case.channels >= self.channels
        )


TARGETS = (
    Target("step", "resnet18", 0.5, goal=2.5, must=1.5),
    Target("step", "resnet18", 0.25, goal=4.0, must=2.2),
    Target("step", "resnet18", 0.1, goal=5.5, must=3.2),
    Target("step", "resnet18", 0.5, goal=1.5, must=1.0, dtype="bfloat16"),
    Target("step", "resnet18", 0.25, goal=2.2, must=1.3, dtype="bfloat16"),
    Target("step", "resnet18", 0.1, goal=3.0, must=1.8, dtype="bfloat16"),
    Target("conv", "resnet18", 0.25, goal=3.0, must=1.0),
    Target("conv", "kernels", 0.5, goal=6.0, must=3.0),
    Target("conv", "series", 0.5, goal=10.0, must=None, kernel=256),
    Target("conv", "series", 0.5, goal=None, must=1.0, channels=64),
    Target("inference", "resnet18", 0.25, goal=5.0, must=2.0),
    Target("conv", "resnet50", 0.5, goal=1.5, must=1.0, dtype="bfloat16", device="cuda"),
    Target("conv", "resnet50", 0.25, goal=3.0, must=1.5, dtype="bfloat16", device="cuda"),
)


def goal_and_must(
    command: str, case: Case, keep: float, dtype: str, device: str
) -> tuple[float | None, float | None]:
    """Goal and must of a measurement; None where nothing is asked."""
    mine = [t for t in TARGETS if t.speaks_of(command, case, keep, dtype, device)]
    return (
        next((t.goal for t in mine if t.goal is not None), None),
        next((t.must for t in mine if t.must is not None), None),
    )
