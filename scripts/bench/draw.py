"""Draws what was measured: `python draw.py FIGURES.json FOLDER`, where matplotlib is installed."""

import json
import sys
import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

_OURS = "#1f6f8b"
_OTHERS = "#c4ccd0"
_MARKS = {"SQLite": "o", "PostgreSQL": "s"}
_LINES = {"SQLite": "-", "PostgreSQL": "--"}
_INK = "#333333"
_ACROSS = 4
_TITLE = 36

mpl.use("svg")
mpl.rcParams |= {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "chronicle",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": _OTHERS,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def main() -> None:
    """Draw bars beside others for each engine, and lines of growth if that was measured."""
    figures, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    about = f"commit {figures['commit']}, {figures['date'][:10]}, {figures['cores']} cores"
    for engine in _MARKS:
        compared = [
            measure
            for measure in figures["measures"]
            if measure["engine"] == engine and measure["beside"] and "/s" in measure["unit"]
        ]
        if compared:
            _bars(compared, f"{engine}: {about}", folder / f"beside-{engine.lower()}.svg")
    grown = [measure for measure in figures["measures"] if measure.get("events")]
    if grown:
        _growth(grown, about, folder / "growth.svg")


def _bars(measures: list[dict[str, Any]], title: str, path: Path) -> None:
    sizes = [1 + len(measure["beside"]) for measure in measures]
    figure, places = plt.subplots(
        len(measures),
        1,
        figsize=(9, 0.6 + 0.34 * sum(sizes) + 0.55 * len(measures)),
        height_ratios=sizes,
        layout="constrained",
    )
    for axes, measure in zip([places] if len(measures) == 1 else places, measures, strict=True):
        names = ["Chronicle", *(other["name"] for other in measure["beside"])]
        values = [measure["median"], *(other["median"] for other in measure["beside"])]
        colours = [_OURS, *[_OTHERS] * len(measure["beside"])]
        bars = axes.barh(names, values, color=colours, height=0.7)
        axes.bar_label(bars, [f"{value:,.0f}" for value in values], padding=4)
        axes.invert_yaxis()
        _title(axes, f"{measure['name']}, {measure['unit']}")
        axes.set_xlim(0, max(values) * 1.12)
        axes.xaxis.set_visible(False)
        axes.tick_params(length=0)
        _without_frame(axes, "top", "right", "bottom")
    figure.suptitle(title, x=0.01, ha="left", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _growth(measures: list[dict[str, Any]], about: str, path: Path) -> None:
    by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for measure in measures:
        by_name[measure["kind"]].append(measure)
    rows = -(-len(by_name) // _ACROSS)
    figure, places = plt.subplots(
        rows, _ACROSS, figsize=(3.2 * _ACROSS, 3 * rows), layout="constrained", squeeze=False
    )
    for axes, (name, found) in zip(places.flat, by_name.items(), strict=False):
        for engine in dict.fromkeys(measure["engine"] for measure in found):
            points = sorted(
                (measure["events"], measure["median"])
                for measure in found
                if measure["engine"] == engine
            )
            axes.loglog(
                *zip(*points, strict=True),
                _LINES[engine],
                marker=_MARKS[engine],
                color=_OURS,
                label=engine,
            )
        _title(axes, f"{name}, {found[0]['unit']}")
        axes.set_xlabel("events in the log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(bottom=min(measure["median"] for measure in found) / 3)
        axes.set_ylim(top=max(measure["median"] for measure in found) * 3)
        axes.legend(frameon=False, fontsize=8, loc="upper right")
        _without_frame(axes, "top", "right")
    for axes in places.flat[len(by_name) :]:
        axes.set_axis_off()
    figure.suptitle(about, x=0.01, ha="left", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _title(axes: Axes, text: str) -> None:
    axes.set_title(textwrap.fill(text, _TITLE), loc="left", fontsize=10, weight="bold")


def _without_frame(axes: Axes, *sides: str) -> None:
    for side in sides:
        axes.spines[side].set_visible(False)


if __name__ == "__main__":
    main()
