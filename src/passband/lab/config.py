"""What a training run is: every value that its result depends on, in one frozen object."""

from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from passband.band import FFTSize
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
from passband.lab.data.augmentation import AUGMENTATIONS
from passband.lab.data.noise import NOISES
from passband.lab.models import available, is_spectral
from passband.lab.models.by_path import is_path
from passband.lab.recipes import recipe_for
from passband.packing.sparse import Store

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine", "halving", "plateau")
PLANS: tuple[PlanName, ...] = get_args(PlanName)
STORES: tuple[Store, ...] = get_args(Store)
FFT_SIZES: tuple[FFTSize, ...] = get_args(FFTSize)
POLICIES = ("exact", "bf16", "unchanged")
FILE_NAME = "config.yaml"
_OF_SPECTRAL_MODELS = {"beta": None, "density": None, "beta_epochs": 0, "store": None}
# What only one choice makes use of.
_ONLY_OF = (
    ("momentum", "optimizer", "sgd"), ("patience", "schedule", "plateau"),
    ("factor", "schedule", "plateau"),
)  # fmt: skip
MAX_SEED = 2**32 - 1  # numpy's, which is seeded as well

# Where and how a run computes. It may move to another machine when it is resumed, with as many
# processes as it began with: their number, which run directories hold as well, is in the result.
PLACE = frozenset({"root", "out", "accelerator", "devices", "strategy", "num_nodes", "jobs", "ray"})


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run.

    Attributes:
        data: Name of the data set, as in ``passband.lab.data.load``.
        model: Name of the model, as in ``passband.lab.models.create_model``.
        out: The run directory.
        root: Where data that passband does not ship is kept.
        options: Of the model, by name, see ``passband.lab.models.options``.
        preprocessing: Of the maps, as in ``passband.lab.data.load``; None is the data's own.
        pad: Samples of an axis of the maps after padding on both sides; None leaves them.
        resize: Samples of an axis after resampling, before padding; None leaves them.
        augment: What is done to maps in training, one of ``AUGMENTATIONS``.
        noise: Strength of noise in training, 0 being none.
        noise_kind: Of which kind, one of ``NOISES``, which has the unit of the strength.
        limit: Only so many samples to train on, from all over the set; None is all.
        validation: Share of the training set that is held out. After each epoch the model is tried
            on it, and the test set is looked at with the last epoch's weights and with the best.
        keep: Fraction of each convolution's half spectrum that is kept; None trains the
            unconverted model. A spectral model has nothing to convert.
        energy: In place of a keep: share of the energy of a layer's input that its band holds,
            chosen anew for each batch, as in the paper.
        layer_keeps: In place of a keep: one for each convolution that is converted, in the order of
            the model.
        keep_start: The keep of the first epoch; in equal steps it comes to ``keep`` at half of the
            epochs, and stays.
        keep_least: Trains one network for many bands: that of each step is drawn from this keep to
            ``keep``, which is that of tests.
        fft_size: Length of the transform, as in ``passband.Band``.
        plan: How the band convolutions are computed.
        memory: Policy of what is held for backward, one of ``POLICIES``; None holds what PyTorch
            holds.
        beta: Of each threshold of a spectral model; None leaves the model's default.
        density: Share of its coefficients that each threshold keeps, in place of a beta: at the
            start of every epoch of the first half of training it is chosen anew from data, and
            then left.
        beta_epochs: Over so many epochs beta rises to its value, from 0 in the first.
        store: How a spectral model holds what thresholds keep, one of ``STORES``; None leaves the
            model's default.
        epochs: Passes over the training set.
        batch_size: Samples per forward and process.
        accumulate: Forwards whose gradients are added up to one step.
        learning_rate: The optimiser's initial rate.
        optimizer: One of ``OPTIMIZERS``.
        momentum: SGD's; other optimisers have theirs.
        weight_decay: The optimiser's decay per step.
        schedule: Of the learning rate: ``constant``, ``cosine`` from the initial rate to zero,
            ``halving`` it every 50 epochs, or times ``factor`` on a ``plateau`` of the training
            loss.
        patience: Epochs without a lower training loss that are a plateau.
        factor: See there.
        early_stop: Epochs without a lower loss, of the validation part or else in training, after
            which training ends; 0 never ends it.
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
    options: tuple[tuple[str, Any], ...] = ()
    preprocessing: str | None = None
    pad: int | None = None
    resize: int | None = None
    augment: str = "none"
    noise: float = 0.0
    noise_kind: str = "gaussian"
    limit: int | None = None
    validation: float = 0.0
    keep: float | None = None
    energy: float | None = None
    layer_keeps: tuple[float, ...] | None = None
    keep_start: float | None = None
    keep_least: float | None = None
    fft_size: FFTSize = "minimal"
    plan: PlanName = "auto"
    memory: str | None = None
    beta: float | None = None
    density: float | None = None
    beta_epochs: int = 0
    store: Store | None = None
    epochs: int
    batch_size: int
    accumulate: int = 1
    learning_rate: float
    optimizer: str
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    patience: int = 10
    factor: float = 0.1
    early_stop: int = 0
    seed: int = 0
    accelerator: str = "auto"
    devices: int | str = 1
    strategy: str = "auto"
    num_nodes: int = 1
    precision: str = "32-true"

    def __post_init__(self) -> None:
        for name in ("data", "model", "out"):
            check_text(name, getattr(self, name))
        for name in ("epochs", "batch_size", "accumulate", "patience", "num_nodes"):
            check_count(name, getattr(self, name))
        for name in ("pad", "resize", "limit"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        check_count("seed", self.seed, least=0, most=MAX_SEED)
        check_count("early_stop", self.early_stop, least=0)
        check_devices(self.devices)
        check_positive("learning_rate", self.learning_rate)
        check_positive("weight_decay", self.weight_decay, or_zero=True)
        for name in ("momentum", "factor", "validation"):
            check_share(name, getattr(self, name))
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("augment", self.augment, tuple(AUGMENTATIONS))
        check_positive("noise", self.noise, or_zero=True)
        check_choice("noise_kind", self.noise_kind, tuple(NOISES))
        if self.noise > NOISES[self.noise_kind].most:
            raise ValueError(f"noise {self.noise_kind!r} is a share; got {self.noise!r}")
        self._check_band()
        self._check_thresholds()

    def _check_band(self) -> None:
        check_choice("plan", self.plan, PLANS)
        check_choice("fft_size", self.fft_size, FFT_SIZES)
        if self.memory is not None:
            check_choice("memory", self.memory, POLICIES)
        check_keep(self.keep)
        check_keep(self.keep_start, "keep_start")
        check_keep(self.keep_least, "keep_least")
        check_keep(self.energy, "energy")
        for index, keep in enumerate(self.layer_keeps or ()):
            check_keep(keep, f"layer_keeps[{index}]")
        stated = {
            name: value
            for name in ("keep", "energy", "layer_keeps")
            if (value := getattr(self, name)) is not None
        }
        said = ", ".join(f"{name} {value!r}" for name, value in stated.items())
        if len(stated) > 1:
            raise ValueError(f"a band is stated in one way; got {said}")
        if self.keep_start is not None and self.keep is None:
            raise ValueError(f"keep_start leads to a keep; got {self.keep_start!r} and no keep")
        if self.keep_least is not None and (
            self.keep is None or self.keep_least > self.keep or self.keep_start is not None
        ):
            raise ValueError(
                f"keep_least is at most a keep that does not move; got {self.keep_least!r}, keep "
                f"{self.keep!r} and keep_start {self.keep_start!r}"
            )
        if self.spectral and (self.plan != "auto" or self.fft_size != "minimal"):
            raise ValueError(
                f"model {self.model!r} is spectral: plan and fft_size are of band convolutions; "
                f"got {self.plan!r} and {self.fft_size!r}"
            )
        if self.spectral and stated:
            raise ValueError(
                f"model {self.model!r} is spectral: it has no convolution of maps to convert; got "
                f"{said}, where it takes beta or density"
            )

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
    def banded(self) -> bool:
        """Whether its convolutions are band-limited."""
        return any(one is not None for one in (self.keep, self.energy, self.layer_keeps))

    @property
    def variant(self) -> str:
        """What it is beside its data and model.

        ``plain`` for an unconverted model, ``spec`` for a spectral, ``band`` for a converted;
        ``energy``, ``layers``, ``random``, ``grow`` or ``shrink`` where its band is no fixed one
        for all.
        """
        if self.spectral:
            return "spec"
        if self.energy is not None:
            return "energy"
        if self.layer_keeps is not None:
            return "layers"
        if self.keep is None:
            return "plain"
        if self.keep_least is not None:
            return "random"
        if self.keep_start is None or self.keep_start == self.keep:
            return "band"
        return "grow" if self.keep_start < self.keep else "shrink"

    def stored(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

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
                range, or has no effect.
        """
        found = asdict(recipe_for(data, model, recipe))
        chosen = {name: value for name, value in given.items() if value is not None}
        run = cls(data=data, model=model, out=out, **{**found, **chosen})
        for name, whose, only in _ONLY_OF:
            if name in chosen and (choice := getattr(run, whose)) != only:
                raise ValueError(
                    f"{name} is of {whose} {only!r}; got {chosen[name]!r} and {choice!r}"
                )
        return run


def _plain(value: object) -> object:
    """Tuples as the lists that YAML has."""
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
