"""A search for few pixels whose change breaks a sample, by the scores of the network."""

from itertools import product

import torch
from torch import Tensor

from passband.lab.attacks.attack import Budget
from passband.lab.attacks.outcome import Outcome, Target, of_least

PIXELS = 10  # at most
_TRIED = 100  # in each round
_REACH = 2  # of the neighbourhood of the last pixel
_BATCH = 512


def pixels(target: Target, budget: Budget) -> Outcome:
    """Pixel after pixel, the one that takes most from the score of the true class.

    A pixel, all channels of it, is set to the end of the range that is further away. In each round
    those around the last one are tried, and others at random.

    Source:
        Narodytska and Kasiviswanathan, "Simple Black-Box Adversarial Attacks on Deep Neural
        Networks", CVPR Workshops 2017, "LocSearchAdv"; there several are changed in a round, and
        by an amount that may leave the range.
    """
    maps, device = target.maps.clone(), target.maps.device
    count = torch.zeros(len(maps), device=device)
    last: Tensor | None = None
    for _ in range(PIXELS):
        whole = (~target.breaks(maps)).nonzero()[:, 0]
        if not len(whole):
            break
        near = None if last is None else last[whole]
        places = tried(len(whole), tuple(maps.shape[2:]), near).to(device)
        last = torch.zeros(len(maps), dtype=torch.long, device=device)
        last[whole] = _best(target, maps, whole, places)
        maps[whole] = _changed(maps[whole], target.maps[whole], last[whole])
        count[whole] += 1
    return of_least(target, maps, count)


def tried(samples: int, space: tuple[int, ...], last: Tensor | None) -> Tensor:
    """Pixels ``(samples, tried)`` as places in a flattened map; all of a small one.

    Args:
        samples: How many.
        space: Of the maps.
        last: ``(samples,)``: the pixel that was changed before; None in the first round.
    """
    whole = torch.Size(space).numel()
    if whole <= _TRIED:
        return torch.arange(whole).expand(samples, -1)
    if last is None:
        return torch.rand(samples, whole).topk(_TRIED, 1).indices
    sizes = torch.tensor(space)
    steps = torch.tensor(list(product(range(-_REACH, _REACH + 1), repeat=len(space))))
    centre = torch.stack(torch.unravel_index(last.cpu(), space), 1)
    near = torch.minimum((centre[:, None] + steps).clamp(min=0), sizes - 1)
    strides = torch.tensor([sizes[axis + 1 :].prod() for axis in range(len(space))])
    others = torch.randint(whole, (samples, max(1, _TRIED - len(steps))))
    return torch.cat([(near * strides).sum(2), others], 1)


def _best(target: Target, maps: Tensor, whole: Tensor, places: Tensor) -> Tensor:
    """Of each sample the tried pixel that leaves the true class the least score.

    Args:
        target: What is attacked.
        maps: All, as far as they are changed.
        whole: ``(samples,)``: which of them are looked at.
        places: ``(samples, tried)``.
    """
    samples, each = places.shape
    scores = []
    for part in torch.arange(samples * each, device=maps.device).split(_BATCH):
        which = whole[part // each]
        changed = _changed(maps[which], target.maps[which], places.flatten()[part])
        with torch.no_grad():
            logits = target.net(changed)
        scores.append(logits.log_softmax(1).gather(1, target.labels[which, None])[:, 0])
    lowest = torch.cat(scores).view(samples, each).argmin(1, keepdim=True)
    return places.gather(1, lowest)[:, 0]


def _changed(maps: Tensor, first: Tensor, places: Tensor) -> Tensor:
    """Maps with one pixel each at the other end of the range than where it was at first."""
    flat = maps.flatten(2).clone()
    rows = torch.arange(len(maps), device=maps.device)
    flat[rows, :, places] = (first.flatten(2)[rows, :, places] < 0.5).to(flat)
    return flat.view_as(maps)
