"""The most memory held at a time, against tensors of known size."""

from __future__ import annotations

import torch

from passband.memory.peak import peak_bytes

CPU = torch.device("cpu")


def test_peak_is_what_is_held_at_a_time() -> None:
    def run() -> None:
        a = torch.zeros(2**18)  # 1 MiB
        b = torch.zeros(2**19)
        del a
        c = torch.zeros(2**17)
        del b, c

    assert peak_bytes(run, CPU) == 3 * 2**20
    assert peak_bytes(run, CPU) == 3 * 2**20


def test_what_was_there_before_does_not_count() -> None:
    x = torch.zeros(2**18)
    assert peak_bytes(lambda: x.neg(), CPU) == 2**20
    assert peak_bytes(lambda: x.neg_(), CPU) == 0
