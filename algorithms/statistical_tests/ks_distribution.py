"""Computes p-values of the two-sample Kolmogorov–Smirnov test: exact, and as for one sample of both's size."""

import math

import numpy as np

from ..arrays import FloatArray
from ..kernels.compiler import jit

EXACT_LIMIT = 10_000
"""Rows in the larger window up to which the p-value is exact, as in scipy's `method='auto'`."""
SMALL_SAMPLE = 140
"""Rows up to which the series of Pelz & Good is too coarse (Simard & L'Ecuyer, 2011)."""
MEDIUM_SAMPLE = 400
"""Rows up to which it is too coarse for narrow gaps, n·distance^1.5 <= 1.4, where Durbin's matrix is small."""
NARROW = 1.4
"""n·distance^1.5 up to which a gap is narrow."""
TAIL, FEW_ROWS_TAIL = 2.2, 3.0
"""n·distance² at which the tail is twice the one-sided one; the second for small samples."""
LARGE_SAMPLE = 1_000_000
"""Rows beyond which scipy's `smirnov`, and so this one, is the leading terms of its expansion."""
OUTSIDE = 2.0**1000
"""What a proportion of 1 is stored as, so that a p-value of 1e-300 is far from the least float."""
NEGLIGIBLE = 1e-290
"""Stored proportions below this are 0: true ones below 1e-590, and arithmetic on denormal floats is slow."""
SQRT_TAU = math.sqrt(math.tau)


def ks_p_value(steps: int, n: int, m: int, *, max_exact_steps: float | None = None) -> float:
    """Two-sided p-value, Pr(D ≥ steps / (n·m)), of the two-sample Kolmogorov–Smirnov test.

    Agrees with `scipy.stats.ks_2samp(method="auto")`: exact up to 10,000 rows in the larger window. Beyond, it is the
    p-value of one sample of n·m / (n + m) rows, rounded, after Simard & L'Ecuyer (2011, J. Stat. Software 39(11)).

    Args:
        steps: The widest gap between the distribution functions in units of 1/(n·m).
        n: Rows of the one window, at least 1.
        m: Rows of the other.
        max_exact_steps: Where the exact recurrence would fill more than this many cells, 2·steps of 0.2 to 0.8 ns, the
            p-value is the asymptotic one. With n = m it has a closed form and is exact whatever the limit.
    """
    if steps <= min(n, m):  # the least row of all makes a gap as wide
        return 1.0
    if not _is_countable(steps, n, m, max_exact_steps):
        return _asymptotic(steps, n, m)
    if n == m:
        return min(1.0, _share_outside_square(n, -(-steps // n)))
    return min(1.0, _share_outside(steps, n, m, np.arange(n + 1, dtype=np.float64)))


def _is_countable(steps: int, n: int, m: int, max_exact_steps: float | None) -> bool:
    """True where the exact p-value does not take too long."""
    if max(n, m) > EXACT_LIMIT:
        return False
    return n == m or max_exact_steps is None or 2 * steps <= max_exact_steps


def _asymptotic(steps: int, n: int, m: int) -> float:
    """The p-value of the same distance in one sample of n·m / (n + m) rows, rounded."""
    return kolmogorov_sf(steps / (n * m), round(float(n) * float(m) / (n + m)))


def kolmogorov_sf(distance: float, n: int) -> float:
    """Pr(D_n ≥ distance) for the distance of n rows' distribution function from the true one.

    Agrees with `scipy.stats.kstwo.sf` to 1e-6 relative. Durbin's matrix for few rows (Marsaglia, Tsang & Wang, 2003),
    the series of Pelz & Good (1976) in the body, and twice the one-sided probability in the tail.
    """
    if n * distance <= 0.5 or distance >= 1.0:
        return float(distance < 1.0)
    if _is_tail(distance, n):
        return min(1.0, 2.0 * _smirnov_sf(distance, n))
    if _is_coarse(distance, n):
        return _complement(_durbin_cdf(distance, n))
    return _complement(_pelz_good_cdf(distance, float(n)))


def _is_tail(distance: float, n: int) -> bool:
    """True where both one-sided events hardly happen together, so that their chances add up."""
    from_square = FEW_ROWS_TAIL if n <= SMALL_SAMPLE else TAIL
    return distance >= 0.5 or n * distance * distance >= from_square


def _is_coarse(distance: float, n: int) -> bool:
    """True where the series of Pelz & Good is too coarse."""
    return n <= SMALL_SAMPLE or (n <= MEDIUM_SAMPLE and n * distance**1.5 <= NARROW)


def _complement(cdf: float) -> float:
    return min(1.0, max(0.0, 1.0 - cdf))


def _smirnov_sf(distance: float, n: int) -> float:
    """Pr(D_n⁺ ≥ distance) for the one-sided distance of n rows, n·distance² > 2; agrees with `special.smirnov`.

    Beyond a million rows it is exp(−(6·n·d + 1)² / (18·n)) as there, which is 5 % off at p = 1e-300.
    """
    if n > LARGE_SAMPLE:
        return math.exp(-((6.0 * n * distance + 1.0) ** 2) / (18.0 * n))
    return _smirnov_sum(distance, float(n))


@jit
def _share_outside_square(n: int, height: int) -> float:
    """Share of lattice paths from (0, 0) to (n, n) that reach |x − y| = height: reflections (Gnedenko & Korolyuk)."""
    total, sign, reach, last = 0.0, 2.0, height, 1.0
    centre = 2.0 * math.lgamma(n + 1.0)
    while reach <= n and last > 1e-18:
        last = math.exp(centre - math.lgamma(n - reach + 1.0) - math.lgamma(n + reach + 1.0))
        total += sign * last
        sign = -sign
        reach += height
    return total


@jit
def _share_outside(steps: int, n: int, m: int, ordinals: FloatArray) -> float:
    """Share of lattice paths from (0, 0) to (n, m) that reach |x·m − y·n| ≥ steps.

    The share at (x, y) is 1 outside, else (x·share(x−1, y) + y·share(x, y−1)) / (x + y), sums of positive numbers
    (Viehmann, 2021, arXiv:2102.08037). It is filled one anti-diagonal x + y at a time, in place: the cell of x on
    anti-diagonal s lies at x − s from the end, so both its parents lie at or after it and the loop is vectorised.
    """
    total = n + m
    shares = np.full(total + 2, OUTSIDE)
    shares[total] = 0.0
    for s in range(1, total + 1):
        low = max((s * n - steps) // total + 1, s - m, 0)
        high = min(-((-s * n - steps) // total) - 1, n, s)
        if low > high:
            return 1.0
        _fill(shares, ordinals[low : high + 1], total - s + low, float(s))
        shares[max(total - s + low - 1, 0)] = OUTSIDE
        shares[total - s + high + 1] = OUTSIDE
    return float(shares[n] / OUTSIDE)


@jit
def _fill(shares: FloatArray, xs: FloatArray, start: int, s: float) -> None:
    """The cells of anti-diagonal s at xs, overwriting the one before, whose cells lie one further on."""
    first, inverse = np.uint64(start), 1.0 / s
    for i in range(len(xs)):
        cell = first + np.uint64(i)
        x = xs[np.uint64(i)]
        share = (x * shares[cell] + (s - x) * shares[cell + np.uint64(1)]) * inverse
        shares[cell] = share if share > NEGLIGIBLE else 0.0


@jit
def _smirnov_sum(distance: float, n: float) -> float:
    """Birnbaum & Tingey's (1951) sum, d·Σ C(n, j) (d + j/n)^(j−1) (1 − d − j/n)^(n−j), from its peak outwards.

    Its terms rise and fall smoothly, so for many rows the sum takes terms at a stride: with about four to the width
    of the peak the trapezoidal rule is exact to rounding.
    """
    middle = math.floor(n * (1.0 - distance) / 2.0)
    stride = max(1.0, math.floor(math.sqrt(n) / (32.0 * distance))) if n > 300.0 else 1.0
    total = 0.0
    for direction in (-1.0, 1.0):
        j, largest = middle if direction < 0.0 else middle + stride, 0.0
        while 0.0 <= j <= n * (1.0 - distance):
            term = _smirnov_term(distance, n, j)
            largest = max(largest, term)
            total += term
            if term < 1e-17 * largest:
                break
            j += direction * stride
    return total * stride


@jit
def _smirnov_term(distance: float, n: float, j: float) -> float:
    """d·C(n, j)·a^(j−1)·(1 − a)^(n−j) with a = d + j/n: d/a times a binomial probability in Loader's (2000) form."""
    rest = n - j
    ahead = n * distance
    if j == 0.0 or rest == 0.0:
        return (1.0 - distance) ** n if j == 0.0 else 0.0
    log_term = j * math.log1p(ahead / j) + rest * math.log1p(-ahead / rest)
    log_term += _stirling(n) - _stirling(j) - _stirling(rest)
    return distance / (distance + j / n) * math.sqrt(n / (math.tau * j * rest)) * math.exp(log_term)


@jit
def _stirling(n: float) -> float:
    """ln n! less Stirling's formula."""
    if n < 16.0:
        return math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(math.tau)
    w = 1.0 / (n * n)
    return (
        1.0 / 12.0 - w * (1.0 / 360.0 - w * (1.0 / 1260.0 - w * (1.0 / 1680.0 - w / 1188.0)))
    ) / n


@jit
def _durbin_cdf(distance: float, n: int) -> float:
    """Pr(D_n < distance) = n!/nⁿ·(Hⁿ) at the middle of Durbin's matrix H, a row vector times H, n times over.

    Each step is divided by e, and n!·eⁿ/nⁿ follows from Stirling's formula, so nothing overflows.
    """
    k = math.ceil(n * distance)
    h = k - n * distance
    size = 2 * k - 1
    inverse_factorials = np.ones(size + 1)
    for i in range(1, size + 1):
        inverse_factorials[i] = inverse_factorials[i - 1] / i
    edge = np.array([(1.0 - h ** (i + 1.0)) * inverse_factorials[i + 1] for i in range(size)])
    corner = (1.0 - 2.0 * h**size + max(0.0, 2.0 * h - 1.0) ** size) * inverse_factorials[size]
    state = np.zeros(size)
    state[k - 1] = 1.0
    for _ in range(n):
        state = _durbin_step(state, inverse_factorials, edge, corner)
    return float(state[k - 1] * math.sqrt(math.tau * n) * math.exp(_stirling(float(n))))


@jit
def _durbin_step(
    state: FloatArray, inverse_factorials: FloatArray, edge: FloatArray, corner: float
) -> FloatArray:
    """H·state / e. H has 1/(i − j + 1)! at (i, j), `edge` down its first column and backwards along its last row."""
    size = len(state)
    moved, scale = np.empty(size), 1.0 / math.e
    for i in range(size - 1):
        moved[i] = edge[i] * state[0] * scale
    moved[size - 1] = corner * state[0] * scale
    for j in range(1, size):
        weight, first = state[j] * scale, np.uint64(j - 1)
        for i in range(size - j):
            moved[first + np.uint64(i)] += inverse_factorials[np.uint64(i)] * weight
        moved[size - 1] += edge[size - 1 - j] * weight
    return moved


@jit
def _pelz_good_cdf(distance: float, n: float) -> float:
    """Pelz & Good's (1976) expansion K0 + K1/√n + K2/n + K3/n^1.5 of Pr(D_n < distance) at z = distance·√n.

    Their theta series in exp(−π²/z²) are quick for z below 1.5 or so.
    """
    z2 = n * distance * distance
    z = math.sqrt(z2)
    k0, k1, k2, k3 = 0.0, 0.0, 0.0, 0.0
    for k in range(1, 12):
        odd, even = (math.pi * (k - 0.5)) ** 2, (math.pi * k) ** 2
        weight, other = math.exp(-odd / (2.0 * z2)), math.exp(-even / (2.0 * z2))
        k0 += weight
        k1 += (odd - z2) * weight
        k2 += (
            (6.0 * z2 + 2.0) * z2 * z2 + odd * (2.0 * z2 - 5.0) * z2 + odd * odd * (1.0 - 2.0 * z2)
        ) * weight
        k2 -= 2.0 * z2 * z2 * even * other
        k3 += odd**3 * (5.0 - 30.0 * z2) * weight + odd * odd * (212.0 * z2 - 60.0) * z2 * weight
        k3 += (odd * (135.0 - 96.0 * z2) - (30.0 + 90.0 * z2) * z2) * z2 * z2 * weight
        k3 += 30.0 * z2 * z2 * even * (3.0 * z2 - even) * other
    z4 = z2 * z2
    body = k0 / z + k1 / (6.0 * z4 * math.sqrt(n)) + k2 / (72.0 * z4 * z2 * z * n)
    return SQRT_TAU * (body + k3 / (6480.0 * z4 * z4 * z2 * n * math.sqrt(n)))
