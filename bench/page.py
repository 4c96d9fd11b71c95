"""docs/bench.md and its figures, from the numbers that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measures import summary
from workers import median, ratio

Facts = dict[str, Any]
KEPT = "## Serving"  # from here on the page is written by hand
COLOURS = {"sound": "#9fb8ad", "net": "#2f6f5e", "peer": "#b9b4a7", "line": "#2f6f5e", "second": "#c05f3c"}


def write(found: Mapping[str, Facts], docs: Path) -> Path:
    """Write the page into ``docs``; what stands there from "## Serving" on stays."""
    page = docs / "bench.md"
    old = page.read_text("utf-8") if page.exists() else ""
    kept = old[old.index(KEPT) :] if KEPT in old else ""
    parts = [_head(found["machine"])]
    parts += [f"{SECTIONS[name](facts)}\n\n{_when(facts)}" for name, facts in found.items() if name in SECTIONS]
    figures(found, docs)
    page.write_text("\n\n".join([*parts, kept.strip()]).strip() + "\n", "utf-8")
    return page


def _head(machine: Facts) -> str:
    return (
        f"# Speed\n\n`make bench` wrote this page: {machine['name']}, {machine['threads']} threads for everybody. "
        f"The processor's peak in float32 products: {machine['gflops_1']:.0f} Gflop/s on one thread, "
        f"{machine['gflops_all']:.0f} on all.\n\n"
        "Peers run in environments of their own and take turns with Earmark, round by round, on the same clips. Times are "
        "medians of the rounds; ratios are medians of the ratios within a round, so that what else the machine did counts "
        "the same for both. The load beside each table is the machine's mean number of running programs over a minute: what is "
        f"above {machine['threads']} was waiting, and times are longer for it."
    )


def _when(facts: Facts) -> str:
    low, high = facts["load"]
    return f"{facts['when']}, load {low:.1f} to {high:.1f}."


def _corpus(title: str, what: str, figure: str) -> Any:
    def section(facts: Facts) -> str:
        took, clips = facts["took"], facts["clips"]
        lines = []
        for name, one in summary(facts).items():
            each = 1000 * one["median"] / clips
            net = took.get(f"{name}, net alone")
            beside = f"{ratio(took[name], net):.2f}" if net else ""
            lines.append(
                (name, f"{each:.1f}", f"{facts['seconds'] / one['median']:.0f}", f"{one['ratio']:.2f}", beside)
            )
        table = _table(("", "ms a clip", "x real time", f"against {facts['peer']}", "total / net alone"), lines)
        return f"## {title}\n{clips} clips, {facts['seconds'] / clips:.1f} s on average. {what}\n\n![{title}]({figure})\n\n{table}"

    return section


def _cold(facts: Facts) -> str:
    lines = [(n, f"{s['median']:.2f}", f"{s['ratio']:.1f}") for n, s in summary(facts).items()]
    return (
        f"## First answer\nFrom the start of the process to the answer about one clip of {facts['seconds']:.0f} s, everything read from "
        f"the system's cache: `earmark predict MODEL CLIP` and a script with TensorFlow and the SavedModel.\n\n"
        + _table(("", "seconds", "times sooner"), lines)
    )


def _mel(facts: Facts) -> str:
    lines = [(n, f"{1000 * s['median']:.1f}", f"{s['ratio']:.1f}") for n, s in summary(facts).items()]
    return "## Log-mel\n30 s at 16 kHz, 64 bands, one thread.\n\n" + _table(("", "ms", "times faster"), lines)


def _heads(facts: Facts) -> str:
    lines = [(name, f"{seconds:.1f}") for name, seconds in facts["took"].items()]
    return (
        f"## Heads\nFit on {facts['windows']:,} embeddings of {facts['width']} ({facts['clips']:,} clips of 30 s), made up, ten classes that "
        "overlap.\n\n" + _table(("head", "seconds"), lines)
    )


def _cnn(facts: Facts) -> str:
    took = facts["took"]
    lines = [(n, f"{median(v):.2f}", f"{median(took['Keras']) / median(v):.2f}") for n, v in took.items()]
    return (
        f"## CNN from scratch\nAn epoch of the head `cnn` on {facts['windows']} images of {facts['shape'][0]} x {facts['shape'][1]}, batches of "
        "32, and of the same net in Keras (its first epoch, in which the graph is made, is excluded).\n\n"
        + _table(("", "seconds an epoch", "times faster"), lines)
    )


def _warm(facts: Facts) -> str:
    lines = [
        (backbone, name, f"{seconds:.2f}", f"{took['cold'] / seconds:.0f}")
        for backbone, took in facts["backbones"].items()
        for name, seconds in took.items()
    ]
    return (
        f"## Second run\n`compare` of `BACKBONE:mean/lda(shrinkage=0.5)` on {facts['clips']} clips: no embeddings kept (cold), all kept "
        "(warm, median of 5), and with `BACKBONE:mean/knn` beside it (one more).\n\n"
        + _table(("backbone", "", "seconds", "times faster"), lines)
    )


def _large(facts: Facts) -> str:
    lines = [
        (f"{n:,}", f"{s:.1f}", f"{1000 * s / n:.1f}", f"{m:.0f}")
        for n, s, m in zip(facts["clips"], facts["seconds"], facts["memory"], strict=True)
    ]
    return (
        "## Large corpora\nWhole process: `earmark embed FOLDER -b yamnet --no-cache`, made-up clips of 2 s.\n\n"
        "![Cost and memory](bench-large.svg)\n\n" + _table(("clips", "seconds", "ms a clip", "peak MiB"), lines)
    )


def _long(facts: Facts) -> str:
    lines = [
        (f"{n:g}", f"{s:.1f}", f"{m:.0f}")
        for n, s, m in zip(facts["hours"], facts["seconds"], facts["memory"], strict=True)
    ]
    return "## One long file\nWhole process: `earmark predict MODEL FILE`, 16 kHz WAV.\n\n" + _table(
        ("hours", "seconds", "peak MiB"), lines
    )


SECTIONS = {
    "yamnet": _corpus(
        "YAMNet, a corpus",
        "From files to embeddings: decode, resample, log-mel, net; Google's SavedModel in TensorFlow beside ours. "
        '"Net alone": the ONNX net on inputs made beforehand, the limit; "without net": all the rest.',
        "bench-yamnet.svg",
    ),
    "vggish": _corpus(
        "VGGish, a corpus",
        "torchvggish beside ours under the same seeded weights, which costs what real ones cost.",
        "bench-vggish.svg",
    ),
    "cold": _cold,
    "mel": _mel,
    "heads": _heads,
    "cnn": _cnn,
    "warm": _warm,
    "large": _large,
    "long": _long,
}


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    embeddings = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(embedding)} |" for embedding in embeddings)


def figures(found: Mapping[str, Facts], docs: Path) -> None:
    """SVGs beside the page."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "earmark", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
    import matplotlib.pyplot as plt

    def save(figure: Any, name: str) -> None:
        figure.tight_layout()
        figure.savefig(docs / name, metadata={"Date": None})
        plt.close(figure)

    for name in ("yamnet", "vggish"):
        if name in found:
            took, clips = found[name]["took"], found[name]["clips"]
            whole = [n for n in took if "," not in n]
            each = [1000 * median(took[n]) / clips for n in whole]
            figure, axes = plt.subplots(figsize=(6, 0.5 + 0.45 * len(whole)))
            colours = [COLOURS["peer"] if n == found[name]["peer"] else COLOURS["net"] for n in whole]
            bars = axes.barh(whole[::-1], each[::-1], color=colours[::-1])
            axes.bar_label(bars, fmt="%.0f ms", padding=3)
            for at, n in enumerate(whole[::-1]):
                if net := took.get(f"{n}, net alone"):
                    axes.plot([1000 * median(net) / clips] * 2, [at - 0.4, at + 0.4], color="white", lw=2)
            axes.set_xlabel("ms a clip (white: the net alone)")
            axes.margins(x=0.15)
            axes.spines[["top", "right"]].set_visible(False)
            save(figure, f"bench-{name}.svg")
    if "large" in found:
        facts = found["large"]
        figure, (left, right) = plt.subplots(1, 2, figsize=(6, 2.2))
        left.loglog(facts["clips"], facts["seconds"], "o-", color=COLOURS["line"])
        right.semilogx(facts["clips"], facts["memory"], "o-", color=COLOURS["second"])
        right.set_ylim(0, 1.3 * max(facts["memory"]))
        for axes, label in ((left, "seconds"), (right, "peak MiB")):
            axes.set_xlabel("clips")
            axes.set_ylabel(label)
            axes.spines[["top", "right"]].set_visible(False)
        save(figure, "bench-large.svg")
