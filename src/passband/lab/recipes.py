"""How models are trained when the user does not say, and how the papers trained them."""

from __future__ import annotations

from dataclasses import dataclass

from passband.lab.checks import check_choice


@dataclass(frozen=True)
class Recipe:
    """What a training is told beside data, model and band; fields are those of ``TrainConfig``."""

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    optimizer: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "cosine"
    momentum: float = 0.9
    patience: int = 10
    factor: float = 0.1


# By model, or by (data, model) where a data set asks for something else.
RECIPES: dict[str | tuple[str, str], Recipe] = {
    "lenet5": Recipe(epochs=6),
    **dict.fromkeys(("fcn", "inceptiontime"), Recipe(epochs=60, batch_size=16)),
    "resnet18": Recipe(epochs=30, batch_size=128, optimizer="sgd", learning_rate=0.1,
                       weight_decay=5e-4),
    **dict.fromkeys(("vgg16", "spec_vgg16", "spec_vgg16_bn"), Recipe(learning_rate=3e-4)),
    "resnet18_icml": Recipe(epochs=350, optimizer="sgd", learning_rate=0.01, weight_decay=5e-4,
                            schedule="plateau"),
    ("digits", "lenet5"): Recipe(epochs=12),
}  # fmt: skip

# What a paper trains with, whatever the model, by the paper's name.
RECIPES_OF_PAPERS: dict[str, Recipe] = {
    # Guan et al. 2019, "identical to the spatial nets".
    "specnet": Recipe(epochs=300, batch_size=64, optimizer="sgd", learning_rate=0.1, momentum=0.95,
                      schedule="halving"),
    # Dziedzic et al. 2019, for images.
    "icml": RECIPES["resnet18_icml"],
    # The same, for the series of the UCR archive.
    "icml-series": Recipe(epochs=2000, batch_size=16, schedule="plateau", patience=50, factor=0.5),
}  # fmt: skip


def recipe_for(data: str, model: str, of_paper: str | None = None) -> Recipe:
    """The recipe of a model on a data set, or a paper's.

    Raises:
        ValueError: There is no such paper's recipe.
    """
    if of_paper is not None:
        check_choice("recipe", of_paper, tuple(RECIPES_OF_PAPERS))
        return RECIPES_OF_PAPERS[of_paper]
    return RECIPES.get((data, model)) or RECIPES.get(model) or Recipe()
