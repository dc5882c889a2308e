"""Pictures of the results, as files."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.quality.calibration import reliability
from benchmarks.quality.homes import GENERATED
from benchmarks.quality.jobs import Outcome
from benchmarks.quality.recorded import Strip
from schemas.circular_day import apart
from schemas.patterns import PatternType

HOUR_MIN = 60
LINES = ("-", "--", "-.", ":")
STRIP_HEIGHT = 1.1
RECALLED = (PatternType.TIME_OF_DAY, PatternType.CO_OCCURRENCE, PatternType.SEQUENCE)


def plot(outcomes: Sequence[Outcome], folder: Path) -> Iterator[Path]:
    """Draw everything there is to draw; yield the files."""
    folder.mkdir(parents=True, exist_ok=True)
    mpl.use("agg")
    figures: dict[str, Figure] = {}
    if any(each.forecasts for each in outcomes):
        figures["reliability"] = _reliability(outcomes)
    if any(each.counts for each in outcomes):
        figures["recall"] = _recall(outcomes)
    strips = [strip for each in outcomes for strip in each.strips]
    for name, of_home in groupby(strips, key=lambda strip: strip.split.name):
        figures[f"habits_{name}"] = _strips(sorted(of_home, key=lambda strip: strip.minute))
    for name, figure in figures.items():
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=110)
        yield path


def _reliability(outcomes: Sequence[Outcome]) -> Figure:
    made = [forecast for each in outcomes for forecast in each.forecasts]
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    parts = {"all": made} | {
        kind.value: [each for each in made if each.kind == kind.value] for kind in PatternType
    }
    for name, part in parts.items():
        result = reliability(part)
        if result.counts:
            label = f"{name}: error {result.error:.3f}, {sum(result.counts):,} opportunities"
            width = 2.5 if name == "all" else 1.0
            axes.plot(result.promised, result.kept, marker="o", linewidth=width, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share of opportunities that were hits")
    axes.set_title("What confidence promises, and what came of it in 14 days")
    axes.legend()
    return figure


def _recall(outcomes: Sequence[Outcome]) -> Figure:
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    generated = [each for each in outcomes if each.counts and each.source]
    for (origin, difficulty), line in zip(GENERATED, LINES, strict=True):
        counts: dict[int, Counter[str]] = {}
        for each in generated:
            if each.source and (each.source.origin, each.source.name) == (origin, difficulty):
                for days, more in each.counts.items():
                    counts[days] = counts.get(days, Counter()) + more
        for kind, colour in zip(RECALLED, ("C0", "C1", "C2"), strict=True):
            points = [
                (days, each[f"{kind.value} hit"] / each[f"{kind.value} learnable"])
                for days, each in sorted(counts.items())
                if each[f"{kind.value} learnable"]
            ]
            if points:
                label = f"{origin} {difficulty}, {kind.value}"
                axes.plot(*zip(*points, strict=True), line, color=colour, marker=".", label=label)
    axes.set(ylim=(0, 1.02), xlabel="days of evidence", ylabel="recall")
    axes.set_title("How much of what was planted is found")
    axes.legend(fontsize="small")
    return figure


def _strips(strips: Sequence[Strip]) -> Figure:
    """Draw a habit a strip: the day from left to right, the days from top to bottom."""
    figure = Figure(figsize=(10, 1 + STRIP_HEIGHT * len(strips)), layout="constrained")
    parts = figure.subplots(len(strips), 1, sharex=True, squeeze=False)
    for axes, strip in zip(parts[:, 0], strips, strict=True):
        _strip(axes, strip)
    parts[-1, 0].set_xlabel("hour")
    split = strips[0].split
    figure.suptitle(f"{split.name}: learned on {split.learned_days} days (above the line)")
    return figure


def _strip(axes: Axes, strip: Strip) -> None:
    last_day = strip.split.learned_days + strip.split.checked_days
    low, high = ((strip.minute + side * strip.reach_min) / HOUR_MIN for side in (-1, 1))
    for shift in (-24, 0, 24):
        axes.axvspan(low + shift, high + shift, color="C1", alpha=0.3, linewidth=0)
    axes.axhline(strip.split.learned_days - 0.5, color="grey", linewidth=0.8)
    for day, minute in strip.dots:
        is_hit = apart(minute, strip.minute) <= strip.reach_min
        axes.plot(minute / HOUR_MIN, day, marker=".", color="C0" if is_hit else "0.6", ms=3)
    axes.set(xlim=(0, 24), ylim=(last_day - 0.5, -0.5), xticks=range(0, 25, 3), yticks=())
    axes.set_title(f"{strip.label}, confidence {strip.confidence:.2f}", fontsize="small", loc="left", pad=2)
