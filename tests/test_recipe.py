"""Recipes: the short form, files, clear errors."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from earmark.core.errors import RecipeError
from earmark.core.publish import publish
from earmark.core.spec import Part
from earmark.recipes import recipe as recipes
from earmark.recipes.recipe import Branch, Recipe

SHORT = [
    "yamnet/logreg",
    "yamnet:mean/svm(C=10)",
    "logmel(overlap=0.5, seconds=4)/cnn(lr=0.001)",
    "musicnn-vgg@pool3/finetune",
    "yamnet+musicnn/lda",
    "yamnet+musicnn:mean+std/lda(shrinkage=0.2)",
    "yamnet/logreg,musicnn/svm",
    "stack(yamnet/logreg,musicnn/svm)",
    "yamnet/logreg~noise(snr=20)~pitch",
    "openl3(content='music', size=512)/knn(metric='cosine')",
]


@pytest.mark.parametrize("text", SHORT)
def test_short_form_is_printed_as_it_was_read(text: str) -> None:
    assert Recipe.parse(text).short == text
    assert Recipe.parse(Recipe.parse(text).short) == Recipe.parse(text)


def test_what_the_short_form_means() -> None:
    found = Recipe.parse("yamnet+musicnn/lda(shrinkage=0.2),mfcc:max/svm~pitch")
    assert found.branches == (
        Branch((Part("yamnet"), Part("musicnn")), Part.of("lda", {"shrinkage": 0.2}), "mean"),
        Branch((Part("mfcc"),), Part("svm"), "max"),
    )
    assert found.augment == (Part("pitch"),)
    assert found.backbones == (Part("yamnet"), Part("musicnn"), Part("mfcc"))
    assert Recipe.parse("vggish@pool3/dense").branches[0].backbones[0].kwargs == {"at": "pool3"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("yamnet", "backbone/head was wanted"),
        ("yamnet/", "backbone/head was wanted"),
        ("yamnet/logreg/svm", "backbone/head was wanted"),
        ("yamnet/logreg(C)", "parameter=value was wanted"),
        ("yamnet/logreg(C=1", "cannot read the part"),
        ("yam net/logreg", "cannot read the part"),
        ("yamnet+musicnn:windows/lda", "pool them per clip"),
        ("stack(yamnet/logreg)", "two branches or more"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Recipe.parse(text)


values = st.one_of(
    st.integers(-1000, 1000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8),
)
identifiers = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True).filter(lambda k: k != "at")


@given(st.dictionaries(identifiers, values, max_size=3), st.booleans())
def test_any_parameters_survive_the_round_trip(params: dict[str, object], stack: bool) -> None:
    branch = Branch((Part.of("yamnet", params),), Part.of("svm", params))
    made = Recipe((branch, branch), "stack" if stack else "mean")
    assert Recipe.parse(made.short) == made


def test_files_both_ways(tmp_path: Path) -> None:
    short = tmp_path / "one.toml"
    short.write_text('title = "One"\nabout = "why"\nrecipe = "yamnet:mean/svm(C=10)"\n')
    tables = tmp_path / "two.toml"
    tables.write_text(
        'title = "One"\nabout = "why"\n[[branch]]\nbackbones = [{name = "yamnet"}]\npool = "mean"\n'
        'head = {name = "svm", C = 10}\n'
    )
    assert Recipe.from_toml(short) == Recipe.from_toml(tables)
    again = tmp_path / "again.toml"
    again.write_text(Recipe.from_toml(short).to_toml())
    assert Recipe.from_toml(again) == Recipe.from_toml(short)
    assert recipes.find(str(short)).name == "One"


@given(st.text(min_size=1), st.text())
@example("a\rb", "a\r\nb\x00\x7f\x85\u2028\ufeff\"\\'#")
@example("  ", "\n about \n")
def test_any_title_is_read_back(title: str, about: str) -> None:
    made = replace(Recipe.parse("yamnet:mean/svm(C=10)"), title=title, about=about)
    with tempfile.TemporaryDirectory() as folder:
        publish(Path(folder), {"recipe.toml": made.to_toml()})
        assert Recipe.from_toml(Path(folder) / "recipe.toml") == made


def test_a_title_from_a_name_that_is_no_utf8_is_read_back(tmp_path: Path) -> None:
    odd = tmp_path / "caf\udce9.toml"
    try:
        odd.write_text('recipe = "yamnet/logreg"\n')
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes names of UTF-8 only")
    found = Recipe.from_toml(odd)
    publish(tmp_path, {"again.toml": found.to_toml(), "made.toml": replace(found, title=odd.stem).to_toml()})
    assert Recipe.from_toml(tmp_path / "again.toml") == found
    assert Recipe.from_toml(tmp_path / "made.toml") == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("recipe = ", "not a readable recipe file"),
        ('title = "x"', "found no usable recipe"),
        ('recipe = "yamnet/logreg"\nprotocoll = "windows"', "unknown entries"),
        ("[[branch]]\nhead = 3\nbackbones = 4", "found no usable recipe"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=told):
        recipes.find(str(file))


def test_every_shipped_recipe_can_be_read_and_names_parts_that_exist() -> None:
    pytest.importorskip("torch", reason="heads are made with the train extra")
    from earmark.core import plugins

    for name, path in recipes.shipped().items():
        found = recipes.find(name)
        assert found.title, path
        assert found.about, path
        for branch in found.branches:
            for part in branch.backbones:
                assert part.kwargs.keys() <= plugins.parameters("backbones", part.name).keys(), name
            assert branch.head.kwargs.keys() <= plugins.parameters("heads", branch.head.name).keys(), name
