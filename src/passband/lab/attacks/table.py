"""The attacks by name."""

from passband.lab.attacks import auto, decision, gradient
from passband.lab.attacks.attack import Attack
from passband.lab.attacks.package import auto_attack
from passband.lab.attacks.pixels import pixels

_ALL = (
    Attack("fgsm", "one step of the gradient's sign", "linf", gradient.fgsm),
    Attack("pgd", "projected gradient descent", "linf", gradient.pgd),
    Attack("pgd-margin", "pgd along the margin of the logits", "linf", gradient.pgd_margin),
    Attack("pgd-bpda", "pgd straight through thresholds and rounding", "linf",
           gradient.pgd_straight, of="misleading"),
    Attack("pgd-eot", "pgd along the mean gradient of several draws", "linf",
           gradient.pgd_averaged, of="random"),
    Attack("autoattack", "AutoAttack's standard ensemble", "linf", auto.standard),
    Attack("cw", "Carlini and Wagner's least Euclidean change", "rms", gradient.cw),
    Attack("deepfool", "least Euclidean change of a linear network", "rms", gradient.deepfool),
    Attack("boundary", "walk along the border, by decisions alone", "rms", decision.boundary),
    Attack("pixels", "greedy local search over pixels, by scores", "rms", pixels),
    Attack("salt-pepper", "random black and white pixels, by decisions", "rms",
           decision.salt_pepper),
)  # fmt: skip

ATTACKS: dict[str, Attack] = {attack.name: attack for attack in _ALL}
"""By their name on the command line."""


def available() -> tuple[str, ...]:
    """The names of those that can be run here."""
    there = auto_attack() is not None
    return tuple(name for name in ATTACKS if name != "autoattack" or there)
