"""Training: random windows, a rate that rises and falls, and a stop when the last window of training time gets no better.

On a processor a batch is cut into parts that are worked on side by side, each on one thread, and their gradients are added in order:
how many threads there are changes no bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import cos, inf, isfinite, pi

import numpy as np
import torch
from torch import Tensor

from forecaster.learners._tcn_network import Batch, Plan, Weights, pinball, quantiles, start
from forecaster.learners._tcn_split import Split

PARTS = 4
"""Parts of a batch."""

FIRST, SECOND, TINY = 0.9, 0.99, 1e-8
"""Constants of Adam (Kingma & Ba 2015)."""

AVERAGED = 0.95
"""Weight of what was before in the running mean of the weights, which is what is kept (Polyak & Juditsky 1992)."""

RISING = 0.1
"""Share of the steps in which the rate rises."""

WRONG = 2
"""Checks that may be no number."""

NOT_CONVERGED = (
    "training did not converge: the loss was no number three times; lower learning_rate, or look for values that are far too large"
)


@dataclass(frozen=True)
class Effort:
    """How long and how fast to learn.

    Args:
        epochs: Most epochs.
        patience: Epochs without improvement after which to stop.
        learning_rate: Largest rate.
        max_seconds: No epoch is begun after; None for no limit.
        seed: Seed of the weights and the windows.
        device: Where to train.
        mixed: Whether to multiply in bfloat16.
        threads: Parts of a batch that are worked on at a time.
    """

    epochs: int
    patience: int
    learning_rate: float
    max_seconds: float | None
    seed: int
    device: torch.device
    mixed: bool
    threads: int


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch take one thread per call; the setting is that of the calling thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(split: Split, plan: Plan, effort: Effort) -> dict[str, Tensor]:
    """The weights that did best on the watched windows.

    Raises:
        ValueError: The loss was no number more than twice.
    """
    with one_thread(), ThreadPoolExecutor(effort.threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        course = _Course(split, plan, effort, pool.map)
        waited, best, kept, wrong, begun = 0, course.check(), course.mean.clone(), 0, time.monotonic()
        while course.epoch < effort.epochs and waited < effort.patience:
            if effort.max_seconds is not None and time.monotonic() - begun > effort.max_seconds:
                break
            course.run_epoch()
            now = course.check()
            wrong += not isfinite(now)
            if wrong > WRONG:
                raise ValueError(NOT_CONVERGED)
            waited = 0 if now < best else waited + 1
            if now < best:
                best, kept = now, course.mean.clone()
        return {name: tensor.clone() for name, tensor in course.named(kept.cpu()).items()}


class _Course:
    """The state of a training: all weights as one vector, and Adam's moments of it."""

    def __init__(self, split: Split, plan: Plan, effort: Effort, each: Callable[..., Iterator[tuple[Tensor, Tensor]]]) -> None:
        self.split, self.plan, self.effort, self.each = split, plan, effort, each
        weights = start(plan, effort.seed)
        self.shapes = {name: tensor.shape for name, tensor in weights.items()}
        self.vector = torch.cat([tensor.reshape(-1) for tensor in weights.values()]).to(effort.device)
        self.mean, self.moment, self.square = self.vector.clone(), torch.zeros_like(self.vector), torch.zeros_like(self.vector)
        self.levels = torch.tensor(plan.levels, device=effort.device, dtype=torch.float32)
        self.random = np.random.default_rng(effort.seed)
        self.parts = PARTS if effort.device.type == "cpu" and split.large else 1
        self.dropping = [torch.Generator(effort.device).manual_seed(effort.seed + part) for part in range(self.parts)]
        self.watched = [batch.to(effort.device) for batch in split.watched()]
        self.epoch = self.step = 0

    def named(self, vector: Tensor) -> Weights:
        """The vector as weights by name."""
        pieces = torch.split_with_sizes(vector, [shape.numel() for shape in self.shapes.values()])
        return {name: piece.view(shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)}

    def run_epoch(self) -> None:
        """Take the steps of one epoch."""
        for _ in range(self.split.per_epoch):
            batch = self.split.draw(self.random)
            made = list(self.each(self._gradient, batch.parts(self.parts), self.dropping))
            gradient = torch.stack([part for part, _ in made]).sum(0) / torch.stack([count for _, count in made]).sum().clamp(min=1)
            self._move(gradient)
        self.epoch += 1

    def check(self) -> float:
        """The loss of the mean weights on the watched windows."""
        weights = self.named(self.mean)
        with torch.no_grad():
            told = [self._loss(weights, batch, None) for batch in self.watched]
        lost, count = (float(torch.stack(one).sum()) for one in zip(*told, strict=True)) if told else (0.0, 0.0)
        return lost / count if count else inf

    def _gradient(self, batch: Batch, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Gradient of the total loss of some windows, and the number of values that it is over."""
        vector = self.vector.detach().requires_grad_()
        lost, count = self._loss(self.named(vector), batch.to(self.effort.device), random)
        return torch.autograd.grad(lost, vector)[0], count

    def _loss(self, weights: Mapping[str, Tensor], batch: Batch, random: torch.Generator | None) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.effort.device.type, torch.bfloat16, enabled=self.effort.mixed):
            return pinball(quantiles(weights, self.plan, batch, random), batch, self.levels)

    def _move(self, gradient: Tensor) -> None:
        """One step of Adam, at a rate that rises and then falls like a cosine over all epochs."""
        steps = self.effort.epochs * self.split.per_epoch
        rate = self.effort.learning_rate * min((self.step + 1) / (RISING * steps), 0.5 + 0.5 * cos(pi * self.step / steps))
        self.step += 1
        self.moment.lerp_(gradient, 1 - FIRST)
        self.square.lerp_(gradient * gradient, 1 - SECOND)
        spread = (self.square / (1 - SECOND**self.step)).sqrt() + TINY
        self.vector -= rate / (1 - FIRST**self.step) * self.moment / spread
        self.mean.lerp_(self.vector, 1 - min(AVERAGED, self.step / (self.step + 9)))
