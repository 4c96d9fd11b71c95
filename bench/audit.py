"""How well does the audit find what is there? Every figure on audits in docs/results.md comes from here.

python bench/audit.py --data ../shared/data/gtzan/clips.csv --esc ../shared/data/esc10
python bench/audit.py --data … --only duplicates,growth
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import soxr

from earmark import audio
from earmark.audio.fingerprint import Fingerprint, _threes
from earmark.audits import _units, confounds, labels
from earmark.audits.groups import proposed_groups
from earmark.audits.proposals import spectra, views_of
from earmark.data.cache import Cache
from earmark.data.clips import Clip, Dataset
from earmark.data.duplicates import find
from earmark.data.duplicates.facts import Facts
from earmark.data.duplicates.measure import measure_all
from earmark.data.load import load_dataset

SHORT = 5.0  # seconds: below, 90 % must be found; above, 98 %


def encoded(path: Path, samples: np.ndarray, rate: int, codec: str, form: str, bits: int) -> None:
    """Write samples as MP3 or Opus at a bit rate."""
    import av

    whole = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[None]
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def part(y: np.ndarray, share: int, rng: np.random.Generator) -> np.ndarray:
    size = len(y) // share
    start = int(rng.integers(0, len(y) - size + 1))
    return y[start : start + size]


def copy(kind: str, clip: Clip, folder: Path, number: int) -> Path:
    """A copy of a clip as it might turn up again in a data set."""
    _, rate = soundfile.read(clip.path, frames=1)
    frames = -1 if clip.duration is None else round(clip.duration * rate)
    y, _ = soundfile.read(clip.path, frames=frames, dtype="float32")
    y = y if y.ndim == 1 else y.mean(axis=1)
    rng = np.random.default_rng(number)
    out = folder / f"{number:05d}-{kind}"
    mp3, ogg, wav = (out.with_name(out.name + end) for end in (".mp3", ".ogg", ".wav"))
    if kind.startswith("mp3"):
        encoded(mp3, y, rate, "libmp3lame", "mp3", 1000 * int(kind[4:]))
        return mp3
    if kind.startswith("opus"):
        y = 0.5 * part(y, 3, rng) if "third" in kind else y
        encoded(ogg, soxr.resample(y, rate, 48_000), 48_000, "libopus", "ogg", 1000 * int(kind.split()[1]))
        return ogg
    if kind == "16 kHz":
        y, rate = soxr.resample(y, rate, 16_000), 16_000
    if kind == "same samples":
        soundfile.write(wav, soundfile.read(clip.path, frames=frames, dtype="int16")[0], rate)
        return wav
    made: dict[str, Callable[[], np.ndarray]] = {
        "16 kHz": lambda: y,
        "gain -6 dB": lambda: y * 10 ** (-6 / 20),
        "shift 0.37 s": lambda: y[round(0.37 * rate) :],
        "third": lambda: part(y, 3, rng),
        "noise 1 %": lambda: y + rng.normal(0, 0.01 * np.abs(y).max(), len(y)).astype(np.float32),
    }
    soundfile.write(wav, made[kind](), rate, subtype="PCM_16")
    return wav


ASKED = ("same samples", "mp3 64", "opus 32", "16 kHz", "gain -6 dB", "shift 0.37 s", "third", "noise 1 %")
HARDER = ("mp3 32", "opus 16 third, quieter")


def chosen(data: Dataset, most: int, cut: float) -> Dataset:
    """At most ``most`` clips that are short and as many that are long, evenly spaced, of the latter the first seconds."""
    seconds = [audio.probe(c.path).seconds or 0.0 for c in data.clips]
    sides = [[c for c, s in zip(data.clips, seconds, strict=True) if (s >= SHORT) == long] for long in (True, False)]
    spaced = [side[:: max(1, -(-len(side) // most))] for side in sides]
    return replace(data, clips=(*(replace(c, duration=cut) for c in spaced[0]), *spaced[1]))


def bench_duplicates(sets: list[Dataset], workers: int, most: int, cut: float) -> None:
    """Recall of each kind of copy, false pairs, and what it costs."""
    for data in (chosen(s, most, cut) for s in sets):
        with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(workers) as pool:
            clips, source, kinds = list(data.clips), list(range(len(data.clips))), ["original"] * len(data.clips)
            for kind in (*ASKED, *HARDER):
                n = len(data.clips)
                paths = list(pool.map(copy, [kind] * n, data.clips, [Path(folder)] * n, range(n)))
                clips += [
                    Clip(f"{i}-{kind}", path, c.label)
                    for i, (path, c) in enumerate(zip(paths, data.clips, strict=True))
                ]
                source += range(len(data.clips))
                kinds += [kind] * len(data.clips)
            began = time.process_time()
            facts = measure_all(clips, workers=workers)
            listened = time.process_time() - began
            found = find.pairs(facts)
            matched = time.process_time() - began - listened
        seconds = sum(f.seconds for f in facts if f.seconds > 0)
        print(f"\n## Duplicates: {data.name}, {len(clips)} files, {seconds / 3600:.1f} h of sound, {workers} workers")
        print("| step | processor seconds | per 1,000 clips | per hour of sound |\n| --- | --- | --- | --- |")
        for step, took in (("listen", listened), ("match", matched)):
            print(f"| {step} | {took:.1f} | {1000 * took / len(clips):.1f} | {3600 * took / seconds:.1f} |")
        # Each copy must be found from its original itself, not by way of another copy.
        same = find.joined(range(len(clips)), ((p.a, p.b) for p in found if p.kind != "recording"))
        linked = {frozenset((same[p.a], same[p.b])) for p in found}
        length = np.array([facts[s].seconds for s in source])
        print(
            f"\n| copy | clips >= {SHORT:g} s | found | clips < {SHORT:g} s | found |\n| --- | --- | --- | --- | --- |"
        )
        for kind in (*ASKED, *HARDER):
            at = np.array([i for i, k in enumerate(kinds) if k == kind and not facts[source[i]].error])
            hit = np.array([frozenset((same[i], same[source[i]])) in linked for i in at])
            long = length[at] >= SHORT
            cells = [f"{m.sum()} | {100 * hit[m].mean():.1f} %" if m.any() else "0 | –" for m in (long, ~long)]
            print(f"| {kind} | {cells[0]} | {cells[1]} |")
        bench_strangers(data, facts, source, found)


def bench_strangers(data: Dataset, facts: tuple[Facts, ...], source: list[int], found: tuple[find.Pair, ...]) -> None:
    """Pairs of different originals: are they of one recording after all? And how far are the others from it?"""
    crossed: dict[tuple[int, int], list[find.Pair]] = {}
    for p in found:
        one, two = sorted((source[p.a], source[p.b]))
        if one != two:
            crossed.setdefault((one, two), []).append(p)
    print("\n| pair of two originals | agreement | votes | waveforms of the originals correlate by |")
    print("| --- | --- | --- | --- |")
    for (one, two), several in crossed.items():
        best = max(several, key=lambda p: p.votes)
        alike = waveform(data.clips[one], data.clips[two])
        names = f"{data.clips[one].id} = {data.clips[two].id}"
        print(f"| {names} | {best.agreement:.2f} | {best.votes} | {alike:.2f} |")
    prints = [f.fingerprint or find.EMPTY for f in facts]
    a, b, offset, _ = find.candidates(prints)
    other = [
        find.compare(prints[i], prints[j], int(o))[0]
        for i, j, o in zip(a, b, offset, strict=True)
        if source[i] != source[j] and tuple(sorted((source[i], source[j]))) not in crossed
    ]
    agreement = np.array([p.agreement for p in found if p.kind == "recording"])
    low, usual = np.quantile(agreement, [0.0, 0.5])
    print("\n| spectrograms of | pairs | agreement |\n| --- | --- | --- |")
    print(f"| pairs kept | {len(agreement)} | lowest {low:.2f}, median {usual:.2f} |")
    print(f"| candidates refused, of two originals | {len(other)} | highest {max(other, default=float('nan')):.2f} |")


def waveform(one: Clip, two: Clip) -> float:
    """Highest correlation of half a second of one clip with the other, at any offset: how a listener would check."""
    from scipy.signal import correlate

    a, b = audio.load(one.path, 8000), audio.load(two.path, 8000)
    best = 0.0
    for start in range(0, max(1, len(b) - 4000), 2000):
        piece = b[start : start + 4000]
        if np.abs(piece).max() < 1e-3 or len(a) < len(piece):
            continue
        dot = correlate(a, piece, "valid")
        power = np.convolve(a * a, np.ones(len(piece), np.float32), "valid")
        best = max(best, float((np.abs(dot) / np.sqrt(np.maximum(power, 1e-6) * (piece @ piece))).max()))
    return best


def synthetic(rng: np.random.Generator, seconds: float = 5.0) -> Fingerprint:
    """A fingerprint of random peaks, more of them low than high as in music."""
    count = round(60 * seconds)
    frame = np.sort(rng.integers(0, round(seconds / 0.008), count))
    bin_ = np.clip(rng.exponential(110, count).astype(np.int64) + 4, 4, 480)
    hashes, times = _threes(frame, bin_)
    order = np.argsort(hashes, kind="stable")[:1000]
    bands = rng.integers(40, 160, (round(seconds / 0.032), 24)).astype(np.uint8)
    return Fingerprint(hashes[order], times[order], bands)


def bench_growth(sizes: Sequence[int]) -> None:
    """Time to match N synthetic clips of 5 s, 1 % of them repeats that keep a fifth of their landmarks."""
    print("\n## Growth: synthetic fingerprints (5 s clips, 1000 hashes each)")
    print(
        "| clips | repeats found | false pairs | processor seconds | per 1,000 clips |\n| --- | --- | --- | --- | --- |"
    )
    for size in sizes:
        rng = np.random.default_rng(size)
        prints = [synthetic(rng) for _ in range(size - size // 100)]
        planted = rng.choice(len(prints), size // 100, replace=False)
        for i in planted:
            old, new = prints[i], synthetic(rng)
            keep = rng.random(len(old.hashes)) < 0.2
            hashes = np.concatenate([old.hashes[keep], new.hashes[~keep[: len(new.hashes)]]])
            times = np.concatenate([old.times[keep], new.times[~keep[: len(new.hashes)]]])
            order = np.argsort(hashes, kind="stable")
            prints.append(Fingerprint(hashes[order], times[order], old.bands))
        began = time.process_time()
        found = find.recordings(prints)
        took = time.process_time() - began
        true = {(int(i), size - size // 100 + k) for k, i in enumerate(planted)}
        got = {(p.a, p.b) for p in found}
        print(
            f"| {size:,} | {len(true & got)} of {len(true)} | {len(got - true)} | {took:.1f} | {1000 * took / size:.2f} |",
            flush=True,
        )


def bench_groups(sets: list[Dataset], cache: Cache) -> None:
    """Pairs of clips in one proposed group: how many are by one artist (or of one recording)?"""
    print("\n## Proposed groups")
    print("| data | sets | clips | pairs of one true group | chance within a class | of all true pairs |")
    print("| --- | --- | --- | --- | --- | --- |")
    for data in sets:
        facts = measure_all(data.clips, cache=cache)
        given = views_of(data.clips, None, cache, None)
        views, ids = given.views, given.ids
        place = {c.id: i for i, c in enumerate(data.clips)}
        at = [place[i] for i in ids]
        label, group = (np.array([str(getattr(data.clips[i], k)) for i in at]) for k in ("label", "group"))
        proposed = proposed_groups(
            [*(np.concatenate(v, axis=1) for v in views), spectra([facts[i] for i in at])], label
        )
        one, two = np.triu_indices(len(at), 1)
        same, within = group[one] == group[two], label[one] == label[two]
        joined = (proposed[one] == proposed[two]) & (proposed[one] >= 0)
        print(
            f"| {data.name} | {proposed.max() + 1} | {(proposed >= 0).sum()} | {100 * same[joined].mean():.0f} % of {joined.sum()} | "
            f"{100 * same[within].mean():.0f} % | {100 * (joined & same).sum() / same.sum():.0f} % |"
        )


def bench_confounds(sets: list[Dataset], cache: Cache, runs: int) -> None:
    """What real data are accused of; a planted fault in each class in turn; false alarms with shuffled labels."""
    for data in sets:
        facts = measure_all(data.clips, cache=cache)
        label = np.array([str(c.label) for c in data.clips])
        unit = _units(data.clips, np.full(len(label), -1))
        names = [c.path.stem for c in data.clips]
        print(f"\n## Confounds: {data.name} as it is")
        print("| fact | reported | labels guessed | interval | by chance | p | most of all |\n" + "| --- " * 7 + "|")
        for c in confounds.confounds(facts, names, label, unit):
            shares = f"{100 * c.score:.0f} % | {100 * c.low:.0f} to {100 * c.high:.0f} % | {100 * c.chance:.0f} %"
            print(f"| {c.factor.name} | {'yes' if c.found else 'no'} | {shares} | {c.p:.3f} | {c.culprit} |")
        print(f"\n## Confounds: {data.name}, one class through MP3 64 kbit/s and back to WAV")
        print("| class | bandwidth reported | p | class named | others reported |\n| --- | --- | --- | --- | --- |")
        with tempfile.TemporaryDirectory() as folder:
            for kind in data.classes:
                planted = list(facts)
                for i, clip in enumerate(data.clips):
                    if clip.label == kind:
                        planted[i] = through_mp3(clip, facts[i], Path(folder), i)
                told = confounds.confounds(planted, names, label, unit)
                band = next(c for c in told if c.factor.name == "bandwidth")
                also = [c.factor.name for c in told if c.found and c.factor.name != "bandwidth"]
                print(
                    f"| {kind} | {'yes' if band.found else 'no'} | {band.p:.3f} | {', '.join((band.culprit, *band.also))} | {', '.join(also) or '–'} |",
                    flush=True,
                )
        y, units = (np.unique(values, return_inverse=True)[1] for values in (label, unit))
        shuffled, classes = confounds._shuffler(y, units), np.array(data.classes)
        rng = np.random.default_rng(1)
        alarms = sum(
            any(c.found for c in confounds.confounds(facts, names, classes[shuffled(rng)], unit, shuffles=99, seed=run))
            for run in range(runs)
        )
        print(
            f"\nFalse alarms with shuffled labels: {alarms} of {runs} ({100 * alarms / runs:.1f} %; wanted 5 % or less)"
        )


def through_mp3(clip: Clip, facts: Facts, folder: Path, number: int) -> Facts:
    """Facts of the clip after MP3 and back, in a file of the same format as before."""
    mp3 = copy("mp3 64", clip, folder, number)
    y = audio.load(mp3, facts.sample_rate)
    wav = folder / f"{number}.wav"
    soundfile.write(wav, y, facts.sample_rate, subtype="PCM_16")
    new = measure_all([Clip(clip.id, wav)])[0]
    wav.unlink()
    mp3.unlink()
    return replace(new, format=facts.format, codec=facts.codec, bytes=facts.bytes, channels=facts.channels)


def bench_labels(sets: list[Dataset], cache: Cache, seeds: int) -> None:
    """5 % of the labels flipped: share of the flips in the first 10 % of the list, by score."""
    for data in sets:
        print(f"\n## Labels: {data.name}, 5 % flipped, mean of {seeds} seeds (± standard error)")
        given = views_of(data.clips, None, cache, None)
        names, views, ids = given.backbones, given.views, given.ids
        by = {c.id: c for c in data.clips}
        label, group = np.array([str(by[i].label) for i in ids]), np.array([by[i].group or i for i in ids])
        classes, truth = np.unique(label, return_inverse=True)
        n, kept = len(truth), {}
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            flips = rng.choice(n, round(0.05 * n), replace=False)
            y = truth.copy()
            y[flips] = (y[flips] + rng.integers(1, len(classes), len(flips))) % len(classes)
            asked = {
                (name, model): np.mean(
                    [
                        labels.out_of_fold(x, y, group, labels.MODELS[model], seed=seed + r)
                        for r in range(labels.REPEATS)
                    ],
                    axis=0,
                )
                for name, (x, _) in zip(names, views, strict=True)
                for model in labels.MODELS
            }
            note = partial(_note, kept, flips, n)
            for chosen in ((*names,), *((name,) for name in names)):
                some = [p for (name, _), p in asked.items() if name in chosen]
                found = labels.ranked(some, y, classes, group)
                which = "+".join(chosen)
                note(f"{which}, mean rank", found.rank)
                mean = np.mean(some, axis=0)
                note(f"{which}, mean self-confidence", np.argsort(np.argsort(mean[np.arange(n), y], kind="stable")))
                rest = mean.copy()
                rest[np.arange(n), y] = -1
                note(
                    f"{which}, margin", np.argsort(np.argsort(mean[np.arange(n), y] - rest.max(axis=1), kind="stable"))
                )
                flagged = np.flatnonzero(found.flagged)
                kept.setdefault(f"{which}: flagged, share of clips", []).append(len(flagged) / n)
                kept.setdefault(f"{which}: flagged, share of the flips", []).append(np.isin(flips, flagged).mean())
                right = [np.mean(found.other[flips][np.isin(flips, flagged)] == label[flips][np.isin(flips, flagged)])]
                kept.setdefault(f"{which}: proposed label is the true one", []).append(float(right[0]))
            for model in labels.MODELS:
                some = [p for (_, m), p in asked.items() if m == model]
                note(f"{'+'.join(names)}, {model} alone", labels.ranked(some, y, classes, group).rank)
        print("| ranked by (share of the flips in the first 10 %) | mean |\n| --- | --- |")
        for what, values in kept.items():
            print(f"| {what} | {100 * np.nanmean(values):.1f} % ± {100 * np.nanstd(values) / len(values) ** 0.5:.1f} |")


def _note(kept: dict[str, list[float]], flips: np.ndarray, n: int, name: str, rank: np.ndarray) -> None:
    kept.setdefault(name, []).append(float((rank[flips] < round(0.1 * n)).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="GTZAN's clips.csv, or any labelled data set with groups")
    parser.add_argument("--esc", help="a second data set")
    parser.add_argument("--only", default="duplicates,growth,groups,confounds,labels")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--most", type=int, default=200, help="short clips, and long ones, that duplicates are made of")
    parser.add_argument("--cut", type=float, default=10.0, help="seconds taken of a long clip")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 5_000, 20_000], help="of the growth")
    parser.add_argument("--runs", type=int, default=200, help="of the simulation of false alarms")
    options = parser.parse_args()
    sets, cache, only = [load_dataset(d) for d in (options.data, options.esc) if d], Cache(), options.only.split(",")
    if "duplicates" in only:
        bench_duplicates(sets, options.workers, options.most, options.cut)
    if "growth" in only:
        bench_growth(options.sizes)
    if "groups" in only:
        bench_groups(sets, cache)
    if "confounds" in only:
        bench_confounds(sets, cache, options.runs)
    if "labels" in only:
        bench_labels(sets, cache, options.seeds)


if __name__ == "__main__":
    main()
