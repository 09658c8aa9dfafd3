"""The study ``peers``: a band beside what a user would pick instead at the same cost."""

from dataclasses import dataclass, replace
from typing import ClassVar

from passband.lab.bench.memory.technique import apply
from passband.lab.bench.timing import interleaved
from passband.lab.checks import check_count
from passband.lab.config import TrainConfig
from passband.lab.data import first
from passband.lab.measure import Step, one_process
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.studies.costs import first_batch
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.memory_methods import saved_bytes
from passband.lab.studies.peer import Peer, peers
from passband.lab.studies.peers_shown import peers_figures, peers_notes, peers_tables
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True, kw_only=True)
class PeersConfig(StudyConfig):
    """The study.

    Attributes:
        base: One training config per data set and plain network.
        keep: Of the bands, and shares of plain's cost that their peers shall have.
        seeds: How many seeds, from 0.
        repeats: Timed steps of each peer, seed by seed, all taking turns.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "peers"
    keep: tuple[float, ...] = (0.25, 0.1)
    seeds: int = 2
    repeats: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "keep", keeps_of(self.keep))
        check_count("seeds", self.seeds)
        check_count("repeats", self.repeats)
        for base in self.base:
            if base.spectral or base.banded or base.memory is not None:
                raise ValueError(
                    f"study {self.name} is of plain networks, and adds bands and policies; got "
                    f"model {base.model!r}, keep {base.keep}, memory {base.memory}"
                )


@alone
def compare_peers(study: PeersConfig, watch: Watch) -> list[Row]:
    """Trains the plain network, bands and their peers by one recipe, and measures their steps.

    Rows of each peer, its name being the variant and ``at`` the keep whose cost it shall have:
    ``test_accuracy``, ``saved_bytes`` (held by the graph after forward and loss, whoever holds
    them), ``step_seconds``, ``step_ratio``, and where they are known ``relative_flops`` and
    ``size`` (samples of a side, or times the channels). A study that was stopped continues where it
    was.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    groups = [group for base in study.base for group in _groups(study, book, base)]
    tasks = [task for group in groups for task, peer in group if peer.trained]
    for part in book.parts(tasks, watch):
        book.train(part)
        for group in groups:
            # After the last training of a seed: all of them side by side.
            last = [task for task, peer in group if peer.trained][-1]
            if part.task == last and is_first() and not book.has(group[0][0], "saved_bytes"):
                part.measure("bytes and seconds")
                book.add(_measured(study, book, group))
    return book.rows()


Group = list[tuple[Task, Peer]]
"""The peers of a network and seed, the plain network first."""


def _groups(study: PeersConfig, book: Book, base: TrainConfig) -> list[Group]:
    found = list(peers(base, book.data, study.keep))
    return [[_task(book, peer, seed) for peer in found] for seed in range(study.seeds)]


def _task(book: Book, peer: Peer, seed: int) -> tuple[Task, Peer]:
    own = () if peer.at is None else (f"{peer.at:g}",)
    # Of a peer that is not trained itself this is the directory of what it is a form of.
    more = (peer.name, *own) if peer.trained and peer.name not in ("plain", "band") else ()
    run = book.directory(replace(peer.run, seed=seed), *more)
    return Task(run, None if peer.name == "band" else peer.name, peer.at), peer


def _measured(study: PeersConfig, book: Book, group: Group) -> list[Row]:
    """The rows of a seed's peers, whose steps took turns; accuracies of those not trained too."""
    with quiet():
        steps = [_step(book, task, peer) for task, peer in group]
        saved = [saved_bytes(step) for step in steps]
        runs = {str(number): step for number, step in enumerate(steps)}
        times = interleaved(runs, study.repeats, steps[0].inputs.device)
    seconds = [times[number].median for number in runs]
    rows = []
    for (task, peer), held, its in zip(group, saved, seconds, strict=True):
        run, trained = task.run, task.rows()
        found = {"saved_bytes": held, "step_seconds": its, "step_ratio": its / seconds[0],
                 "relative_flops": peer.flops, "size": peer.size}  # fmt: skip
        if not peer.trained:  # else it is there, from the training
            (found["test_accuracy"],) = (r.value for r in trained if r.metric == "test_accuracy")
        rows += [
            Row(study.name, run.data, run.model, task.variant or run.variant, run.seed, run.epochs,
                run.keep, trained[-1].keep_measured, metric, float(value), None, task.at)
            for metric, value in found.items()
            if value is not None
        ]  # fmt: skip
    return rows


def _step(book: Book, task: Task, peer: Peer) -> Step:
    """A step of the trained network on the first batch, as the peer runs it."""
    run, loaded = task.run, book.data(task.run)
    fabric = one_process(run)
    model = book.trained(run).to(fabric.device)
    example = first(loaded.train, 2)[0].to(fabric.device)
    model, _ = apply(peer.technique, model, example)
    inputs, labels = fabric.to_device(first_batch(run, loaded))
    return Step(fabric, model, run, inputs, labels)


PEERS = Study(
    what="a band beside what one would pick instead at the same cost: accuracy, bytes, time",
    title="A band and its peers",
    config=PeersConfig,
    run=compare_peers,
    tables=peers_tables,
    figures=peers_figures,
    notes=peers_notes,
    pairs=(("mnist-5k", "resnet20"),),
    # A small network and little data, so that it takes minutes; the notes say the long command.
    recipe={
        "options": (("padding_mode", "circular"), ("width", 0.5)),
        "pad": 32,
        "limit": 1500,
        "epochs": 4,
    },
)
