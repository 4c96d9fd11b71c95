"""Every sentence of a reproduction agrees with its numbers, whatever these are; under --quick there are none."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.backbones import weights
from earmark.studies.reproduce import claims, words
from earmark.studies.reproduce.parts import SCRATCH

share = st.floats(-0.9, 0.9, allow_nan=False)


@st.composite
def intervals(draw: st.DrawFn) -> Any:
    low, value, high = sorted(draw(st.tuples(share, share, share)))
    return SimpleNamespace(value=value, difference=value, low=low, high=high)


def reproduction(
    gap: Any, p: float, confusion: Any, seconds: tuple[float, float], totals: list[Any], quick: bool = False
) -> Any:
    """As much of a reproduction as the sentences look at."""
    score = {"accuracy": SimpleNamespace(value=0.5, low=0.4, high=0.6)}
    evaluation = SimpleNamespace(scores=score, confusion=confusion)

    def made(name: str, fit: float) -> Any:
        return SimpleNamespace(
            recipe=SimpleNamespace(name=name),
            seconds={"fit": fit},
            evaluation=evaluation,
            classes=("disco", "metal", "pop", "rock"),
        )

    def trial(name: str) -> Any:
        leak = SimpleNamespace(track=1.0, samples=0.9, artist=1.0)
        run = made(name, 1.0)
        return SimpleNamespace(
            recipe=name, protocol="paper", unit="chunk", run=run, leak=leak, learnt=64, stands_for="", watched=True
        )

    pair = SimpleNamespace(
        a=SCRATCH, b="frozen", difference=gap.difference, low=gap.low, high=gap.high, p_adjusted=p, verdict=""
    )
    rungs = (SimpleNamespace(name="windows", windows=SimpleNamespace(value=0.9)),)
    ladders = tuple(
        SimpleNamespace(recipe=SimpleNamespace(name=f"recipe {i}"), total=SimpleNamespace(windows=t), rungs=rungs)
        for i, t in enumerate(totals)
    )
    runs = (made(SCRATCH, seconds[0]), made("frozen", seconds[1]))
    return SimpleNamespace(
        quick=quick,
        epochs=2,
        equal=SimpleNamespace(pairs=(pair,), runs=runs, protocol="groups", dataset=SimpleNamespace(clips=[0] * 9)),
        cnn=(trial("paper-cnn-as-run"), trial("paper-cnn")),
        frozen=(trial("paper-vggish"),),
        ladders=ladders,
        dataset=SimpleNamespace(clips=[0] * 9),
    )


found = st.builds(
    reproduction,
    intervals(),
    st.floats(0, 1),
    st.lists(st.integers(0, 40), min_size=16, max_size=16).map(lambda n: np.array(n).reshape(4, 4)),
    st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)),
    st.lists(intervals(), max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(found)
def test_every_sentence_agrees_with_its_numbers(one: Any) -> None:
    told = " ".join([*words.findings(one), *words.follows(one)])
    (pair,) = one.equal.pairs
    assert ("the CNN is better" in told) == (pair.p_adjusted <= 0.05 and pair.difference >= 0)
    assert ("frozen is better" in told) == (pair.p_adjusted <= 0.05 and pair.difference < 0)
    assert ("order turns round" in told) == (pair.p_adjusted <= 0.05 and pair.difference < 0)
    totals = [ladder.total.windows for ladder in one.ladders]
    for i, a in enumerate(totals[:2]):
        for j, b in enumerate(totals[:2]):
            if i != j:
                assert (f"recipe {i} loses more than recipe {j}" in told) == (a.high < b.low)
    assert ("What is lost is memory" in told) == (bool(totals) and all(t.high < 0 for t in totals))
    assert "less to lose" not in told


@settings(max_examples=150, deadline=None)
@given(found)
def test_every_claim_agrees_with_its_number(one: Any) -> None:
    told = {c.said: c for c in claims.claims(one)}
    (pair,) = one.equal.pairs
    better = told["The CNN from scratch outperforms the head on frozen embeddings."]
    if better.verdict == claims.HOLDS:
        assert pair.low > 0
        assert pair.p_adjusted <= 0.05
    if better.verdict == claims.DOES_NOT:
        assert pair.high < 0
        assert pair.p_adjusted <= 0.05
    points = told["The CNN is 5 to 10 points more accurate."]
    assert (points.verdict == claims.HOLDS) == (pair.low >= 0.05 and pair.high <= 0.1)
    assert (points.verdict == claims.DOES_NOT) == (pair.high < 0.05 or pair.low > 0.1)
    for said, true, other in (("Rock is confused with metal.", 3, 1), ("Pop is confused with disco.", 2, 0)):
        line = one.cnn[0].run.evaluation.confusion[true]
        wrong = line.sum() - line[true]
        if told[said].verdict == claims.HOLDS:
            assert line[other] / wrong > 1 / 3
        if told[said].verdict == claims.DOES_NOT:
            assert line[other] / wrong < 1 / 3
        if wrong:
            assert f"{line[other]} of {wrong} mistakes" in told[said].number
    scratch, frozen = (run.seconds["fit"] for run in one.equal.runs)
    faster = told["The head on frozen embeddings is faster to train than the CNN."]
    assert (faster.verdict == claims.HOLDS) == (scratch / frozen >= claims.FAR)
    assert all(re.search(r"\d|fewer than two|no mistakes", c.number) for c in told.values())
    one.quick = True
    assert {c.verdict for c in claims.claims(one)} == {claims.CANNOT_TELL}
    assert words.findings(one) == words.follows(one) == []


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.05, 0.1, "holds"), (0.2, 0.3, "does not hold"), (-0.1, 0.04, "does not hold"), (0.0, 0.07, "cannot be told")],
)
def test_an_interval_decides(low: float, high: float, said: str) -> None:
    assert claims.verdict(low, high, least=0.05, most=0.1) == said


def test_how_to_get_vggish_names_the_files_that_users_have() -> None:
    assert "vggish_model.ckpt" in weights.status("vggish").how
