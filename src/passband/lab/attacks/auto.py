"""AutoAttack, where a package that has it is installed."""

import torch
from torch import Tensor

from passband.lab.attacks.attack import Budget
from passband.lab.attacks.outcome import Outcome, Target, of_given
from passband.lab.attacks.package import AUTO_ATTACKS, auto_attack


def standard(target: Target, budget: Budget) -> Outcome:
    """The standard version in the largest change of a value (Croce and Hein 2020).

    Raises:
        ImportError: No package has it here.
    """
    package = auto_attack()
    if package is None:
        raise ImportError(
            f"the attack autoattack needs one of {', '.join(AUTO_ATTACKS)}, none of which can be "
            f"imported; leave it out of --attacks"
        )
    run = _croce if package.__name__ == "autoattack" else _torchattacks
    seed = torch.initial_seed() % 2**31
    return of_given(target, [run(target, epsilon, seed) for epsilon in target.epsilons])


def _croce(target: Target, epsilon: float, seed: int) -> Tensor:
    package = auto_attack()
    assert package is not None
    attack = package.AutoAttack(
        target.net, norm="Linf", eps=epsilon, version="standard", seed=seed, verbose=False,
        device=target.maps.device,
    )  # fmt: skip
    classes = _classes(target)
    for part in (attack.fab, attack.apgd_targeted):  # each aims at nine classes, or all there are
        part.n_target_classes = min(9, classes - 1)
    found: Tensor = attack.run_standard_evaluation(target.maps, target.labels, bs=len(target.maps))
    return found


def _torchattacks(target: Target, epsilon: float, seed: int) -> Tensor:
    package = auto_attack()
    assert package is not None
    attack = package.AutoAttack(
        target.net, norm="Linf", eps=epsilon, version="standard", n_classes=_classes(target),
        seed=seed,
    )  # fmt: skip
    found: Tensor = attack(target.maps, target.labels)
    return found


def _classes(target: Target) -> int:
    with torch.no_grad():
        return int(target.net(target.maps[:1]).shape[1])
