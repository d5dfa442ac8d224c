"""Exponential smoothing written down step by step, to check the kernel against.

Source: Hyndman, Koehler, Ord & Snyder (2008), table 2.2 and 2.3 (recursions), section 5.1 (likelihood), chapter 6 (variances).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass
class Smoothing:
    """A form with its parameters and states: `season[0]` belongs to the next step, `season[1]` to the one after it, and so on."""

    form: str
    alpha: float
    beta: float
    gamma: float
    phi: float
    level: float
    slope: float
    season: list[float]

    @property
    def error(self) -> str:
        return self.form[0]

    @property
    def trend(self) -> str:
        return self.form[1:-1]

    @property
    def kind(self) -> str:
        return self.form[-1]

    def growth(self) -> float:
        """What the slope adds to the level of the next step, or multiplies it by."""
        return self.slope**self.phi if self.trend.startswith("M") else self.phi * self.slope

    def carried(self) -> float:
        """The level of the next step before its value is known."""
        return self.level * self.growth() if self.trend.startswith("M") else self.level + self.growth()

    def forecast(self) -> float:
        """Of the next step."""
        q = self.carried()
        return q + self.season[0] if self.kind == "A" else q * self.season[0] if self.kind == "M" else q

    def move(self, y: float) -> float:
        """Take in the next value; its error."""
        f, q, s = self.forecast(), self.carried(), self.season[0]
        y = f if math.isnan(y) else y
        off = y / s - q if self.kind == "M" else y - f
        self.season = [*self.season[1:], s + self.gamma * (y / q - s) if self.kind == "M" else s + self.gamma * (y - f)]
        self.slope = self.growth() + self.beta * off / (self.level if self.trend.startswith("M") else 1)
        self.level = q + self.alpha * off
        return y / f - 1 if self.error == "M" else y - f

    def run(self, values: Floats) -> tuple[Floats, Floats]:
        """Forecast and error of every value, taken in one after the other."""
        pairs = [(self.forecast(), self.move(float(y))) for y in values]
        return np.array([f for f, _ in pairs]), np.array([e for _, e in pairs])

    def mean(self, steps: int) -> Floats:
        """Forecasts of the next steps: the recursion with errors of zero."""
        return self.run(np.full(steps, np.nan))[0]


def simulated(model: Smoothing, sigma2: float, steps: int, paths: int, rng: np.random.Generator) -> Floats:
    """Paths of the next steps, drawn one value at a time. (paths, steps)"""
    out = np.empty((paths, steps))
    for path in out:
        now = replace(model, season=list(model.season))
        for h in range(steps):
            e = math.sqrt(sigma2) * rng.normal()
            path[h] = now.forecast() * (1 + e) if now.error == "M" else now.forecast() + e
            now.move(path[h])
    return out


def deviance(model: Smoothing, values: Floats) -> float:
    """-2 log likelihood with the variance at its optimum."""
    f, e = model.run(values)
    seen = np.isfinite(values)
    n = seen.sum()
    logs = np.log(np.abs(f[seen])).sum() if model.error == "M" else 0.0
    return float(n * np.log(2 * np.pi * np.e * (e[seen] ** 2).sum() / n) + 2 * logs)


def matrices(model: Smoothing) -> tuple[Floats, Floats, Floats]:
    """w, F, g of the linear form with the same trend and season: y = w'x + e, x <- F x + g e; x = (level, slope, seasons newest first)."""
    m = len(model.season) if model.kind != "N" else 0
    w, g = np.zeros(2 + m), np.zeros(2 + m)
    F = np.zeros((2 + m, 2 + m))
    w[:2], g[:2] = (1, model.phi), (model.alpha, model.beta)
    F[:2, :2] = [[1, model.phi], [0, model.phi]]
    if m:
        w[-1], g[2], F[2, -1] = 1, model.gamma, 1
        F[3:, 2:-1] = np.eye(m - 1)
    return w, F, g


def variances(model: Smoothing, sigma2: float, steps: int) -> Floats:
    """Variances of the next steps by the general matrix formulas of classes 1, 2 and 3."""
    if model.kind == "M":
        return product_variances(model, sigma2, steps)
    w, F, g = matrices(model)
    c = np.array([w @ np.linalg.matrix_power(F, j - 1) @ g for j in range(1, steps)])
    if model.error == "A":
        return np.array([sigma2 * (1 + (c[: h - 1] ** 2).sum()) for h in range(1, steps + 1)])
    mean, theta = model.mean(steps), []
    for h in range(steps):
        theta.append(mean[h] ** 2 + sigma2 * sum(c[j - 1] ** 2 * theta[h - j] for j in range(1, h + 1)))
    return (1 + sigma2) * np.array(theta) - mean**2


def product_variances(model: Smoothing, sigma2: float, steps: int) -> Floats:
    """Class 3: the trend (H1, F1, G1) times the season (H2, F2, G2), by moments of the outer product of their states."""
    m = len(model.season)
    H1, F1 = np.array([[1, model.phi]]), np.array([[1, model.phi], [0, model.phi]])
    G1 = np.array([[model.alpha, model.alpha * model.phi], [model.beta, model.beta * model.phi]])
    H2, F2, G2 = np.zeros((1, m)), np.zeros((m, m)), np.zeros((m, m))
    H2[0, -1] = F2[0, -1] = 1
    F2[1:, :-1], G2[0, -1] = np.eye(m - 1), model.gamma
    M = np.outer([model.level, model.slope], model.season[::-1])
    V = np.zeros((2 * m, 2 * m))
    H, F, G = np.kron(H2, H1), np.kron(F2, F1), np.kron(G2, G1)
    K = np.kron(G2, F1) + np.kron(F2, G1)
    out = []
    for _ in range(steps):
        mean = (H1 @ M @ H2.T).item()
        out.append((1 + sigma2) * (H @ V @ H.T).item() + sigma2 * mean**2)
        v = M.T.reshape(-1, 1)
        V = F @ V @ F.T + sigma2 * (F @ V @ G.T + G @ V @ F.T + K @ (V + v @ v.T) @ K.T + sigma2 * G @ (3 * V + 2 * v @ v.T) @ G.T)
        M = F1 @ M @ F2.T + sigma2 * G1 @ M @ G2.T
    return np.array(out)
