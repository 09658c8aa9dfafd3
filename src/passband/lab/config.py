"""What a training run is: every value that its result depends on, in one frozen object."""

from dataclasses import asdict, dataclass
from typing import Any, get_args

from passband.functional.plan import PlanName
from passband.lab.checks import (
    check_choice,
    check_count,
    check_density,
    check_devices,
    check_keep,
    check_positive,
    check_share,
    check_text,
)
from passband.lab.models import available, is_spectral
from passband.lab.models.by_path import is_path
from passband.packing.sparse import Store

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine", "halving")
PLANS: tuple[PlanName, ...] = get_args(PlanName)
STORES: tuple[Store, ...] = get_args(Store)
FILE_NAME = "config.yaml"
_OF_SPECTRAL_MODELS = {"beta": None, "density": None, "beta_epochs": 0, "store": None}
MAX_SEED = 2**32 - 1  # numpy's, which is seeded as well

# Where and how a run computes. It may move to another machine when it is resumed, with as many
# processes as it began with: their number, which run directories hold as well, is in the result.
PLACE = frozenset({"root", "out", "accelerator", "devices", "strategy", "num_nodes"})


@dataclass(frozen=True)
class Recipe:
    """How a model is trained when the user does not say."""

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    optimizer: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "cosine"
    momentum: float = 0.9


# By model, or by (data, model) where a data set asks for something else.
RECIPES: dict[str | tuple[str, str], Recipe] = {
    "lenet5": Recipe(epochs=6),
    "fcn": Recipe(epochs=60, batch_size=16),
    "resnet18": Recipe(epochs=30, batch_size=128, optimizer="sgd", learning_rate=0.1,
                       weight_decay=5e-4),
    **dict.fromkeys(("vgg16", "spec_vgg16", "spec_vgg16_bn"), Recipe(learning_rate=3e-4)),
    "resnet18_icml": Recipe(epochs=350, optimizer="sgd", learning_rate=0.01, weight_decay=5e-4),
    ("digits", "lenet5"): Recipe(epochs=12),
}  # fmt: skip

# What a paper trains with, whatever the model, by the paper's name.
RECIPES_OF_PAPERS: dict[str, Recipe] = {
    # Guan et al. 2019, "identical to the spatial nets".
    "specnet": Recipe(epochs=300, batch_size=64, optimizer="sgd", learning_rate=0.1, momentum=0.95,
                      schedule="halving"),
    # Dziedzic et al. 2019, for images; the rate follows a plateau there.
    "icml": RECIPES["resnet18_icml"],
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run.

    Attributes:
        data: Name of the data set, as in ``passband.lab.data.load``.
        model: Name of the model, as in ``passband.lab.models.create_model``.
        out: The run directory.
        root: Where data that passband does not ship is kept.
        keep: Fraction of each convolution's half spectrum that is kept; None trains the
            unconverted model. A spectral model has nothing to convert.
        plan: How the band convolutions are computed.
        beta: Of each threshold of a spectral model; None leaves the model's default.
        density: Share of its coefficients that each threshold keeps, in place of a beta: at the
            start of every epoch of the first half of training it is chosen anew from data, and
            then left.
        beta_epochs: Over so many epochs beta rises to its value, from 0 in the first.
        store: How a spectral model holds what thresholds keep, one of ``STORES``; None leaves the
            model's default.
        epochs: Passes over the training set.
        batch_size: Samples per step and process.
        learning_rate: The optimiser's initial rate.
        optimizer: One of ``OPTIMIZERS``.
        momentum: SGD's; other optimisers have theirs.
        weight_decay: The optimiser's decay per step.
        schedule: Of the learning rate: ``constant``, ``cosine`` from the initial rate to zero, or
            ``halving`` it every 50 epochs.
        seed: Of initial weights, order of samples and everything else that is random.
        accelerator: Lightning's; ``auto`` takes a GPU where there is one.
        devices: Lightning's: how many.
        strategy: Lightning's, for instance ``ddp``.
        num_nodes: Lightning's: machines.
        precision: Lightning's, for instance ``bf16-mixed``.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    data: str
    model: str
    out: str
    root: str | None = None
    keep: float | None = None
    plan: PlanName = "auto"
    beta: float | None = None
    density: float | None = None
    beta_epochs: int = 0
    store: Store | None = None
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    seed: int = 0
    accelerator: str = "auto"
    devices: int | str = 1
    strategy: str = "auto"
    num_nodes: int = 1
    precision: str = "32-true"

    def __post_init__(self) -> None:
        for name in ("data", "model", "out"):
            check_text(name, getattr(self, name))
        check_keep(self.keep)
        for name in ("epochs", "batch_size", "num_nodes"):
            check_count(name, getattr(self, name))
        check_count("seed", self.seed, least=0, most=MAX_SEED)
        check_devices(self.devices)
        check_positive("learning_rate", self.learning_rate)
        check_positive("weight_decay", self.weight_decay, or_zero=True)
        check_share("momentum", self.momentum)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("plan", self.plan, PLANS)
        self._check_thresholds()

    def _check_thresholds(self) -> None:
        if self.beta is not None:
            check_positive("beta", self.beta, or_zero=True)
        check_density(self.density)
        check_count("beta_epochs", self.beta_epochs, least=0)
        if self.store is not None:
            check_choice("store", self.store, STORES)
        if self.beta is not None and self.density is not None:
            raise ValueError(
                f"a threshold is given as beta or by density; got beta {self.beta!r} and "
                f"density {self.density!r}"
            )
        if self.beta_epochs and self.density is not None:
            raise ValueError(
                f"beta_epochs lead to a beta, and density chooses another in each epoch; got "
                f"beta_epochs {self.beta_epochs!r} and density {self.density!r}"
            )
        if self.beta_epochs >= self.epochs:
            raise ValueError(
                f"beta_epochs is below epochs, so that beta is reached; got {self.beta_epochs} of "
                f"{self.epochs}"
            )
        if self.spectral and self.keep is not None:
            raise ValueError(
                f"model {self.model!r} is spectral: it has no convolution of maps to convert; got "
                f"keep {self.keep!r}, where it takes beta or density"
            )
        if is_path(self.model) or (self.model in available() and not self.spectral):
            for name, nothing in _OF_SPECTRAL_MODELS.items():
                if (value := getattr(self, name)) != nothing:
                    raise ValueError(
                        f"model {self.model!r} has no thresholds: {name} is for spectral models; "
                        f"got {value!r}"
                    )

    @property
    def spectral(self) -> bool:
        """Whether the model is a spectral network, with thresholds."""
        return self.model in available() and is_spectral(self.model)

    @property
    def variant(self) -> str:
        """``plain`` for an unconverted model, ``band`` for a converted, ``spec`` for a spectral."""
        if self.spectral:
            return "spec"
        return "plain" if self.keep is None else "band"

    @classmethod
    def recommended(
        cls, data: str, model: str, out: str, *, recipe: str | None = None, **given: Any
    ) -> "TrainConfig":
        """A recipe for a model on a data set, with what the user gave in its place.

        Args:
            data: Name of the data set.
            model: Name of the model.
            out: The run directory.
            recipe: A paper's, one of ``RECIPES_OF_PAPERS``; None for a practical one.
            **given: Other fields; None leaves the default.

        Raises:
            TypeError, ValueError: There is no such recipe; a value is of the wrong type or out of
                range.
        """
        if recipe is not None:
            check_choice("recipe", recipe, tuple(RECIPES_OF_PAPERS))
            found = RECIPES_OF_PAPERS[recipe]
        else:
            found = RECIPES.get((data, model)) or RECIPES.get(model) or Recipe()
        chosen = {name: value for name, value in given.items() if value is not None}
        return cls(data=data, model=model, out=out, **{**asdict(found), **chosen})
