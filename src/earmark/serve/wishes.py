"""What a client wants beside the label: the parameters of a prediction, in the query or as fields of the form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from ..models.model import Model
from .limits import RefusedError


class Wish(BaseModel):
    """The parameters of ``POST /api/predict``. Each may stand in the query or in the form, once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(None, description="Name of a model; default: the first.", max_length=200)
    timeline: bool = Field(False, description="Also evaluate the sound piece by piece.")
    seconds: float | None = Field(
        None,
        ge=0.05,
        le=3600,
        description="Length of a timeline's pieces; default: the model's own. Pieces are made longer where there would be more "
        "than 2000.",
    )
    set: bool = Field(True, description="Tell the prediction set.")
    alpha: float | None = Field(
        None, gt=0, lt=1, description="Share of sounds whose true label the set may miss; default: the model's own."
    )
    view: bool = Field(False, description="Also send the sound's outline and log-mel spectrogram.")
    job: str | None = Field(
        None,
        pattern="^[A-Za-z0-9-]{8,64}$",
        description="A name of your choice that nobody guesses: GET /api/jobs/NAME then tells how far the work is.",
    )


def queried(request: Request, known: Iterable[str]) -> dict[str, str]:
    """The parameters in a query. Raises RefusedError for one that is not known, or is there twice."""
    return _once(request.query_params.multi_items(), known, "the query")


def wish(request: Request, fields: Iterable[tuple[str, str]]) -> Wish:
    """What is wanted, by the query and by the fields of a form. Raises RefusedError."""
    given = queried(request, Wish.model_fields)
    for name, value in _once(fields, Wish.model_fields, "the form").items():
        if given.setdefault(name, value) != value:
            raise _wrong(f"{name}={given[name][:100]!r} in the query and {value[:100]!r} in the form", "it once")
    try:
        found = Wish.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = str(first["loc"][-1])
        raise _wrong(
            f"{where}={str(first.get('input'))[:100]!r}", str(first["msg"]).removeprefix("Input should be ")
        ) from error
    if found.seconds is not None and not found.timeline:
        raise _wrong(f"seconds={found.seconds:g} without a timeline", "timeline=true beside it")
    return found


def fitting(asked: Wish, name: str, model: Model) -> Model:
    """The model as it is asked. Raises RefusedError for what it does not have."""
    if asked.alpha is None:
        return model
    if model.calibration is None:
        raise _wrong(f"alpha={asked.alpha:g}", f"no alpha: {name} was trained without calibration and has no sets")
    if not asked.set:
        raise _wrong(f"alpha={asked.alpha:g} with set=false", "alpha with the set that it is for")
    return model.with_alpha(asked.alpha)


def parameters() -> list[dict[str, Any]]:
    """The parameters as OpenAPI describes those of a query."""
    return [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": schema.get("description", "")}
        for name, schema in fields().items()
    ]


def fields() -> dict[str, Any]:
    """The parameters as JSON schemas by name."""
    found: dict[str, Any] = Wish.model_json_schema()["properties"]
    return found


def only(*known: str) -> Callable[[Request], None]:
    """A dependency of a route: its query has these parameters and no others."""

    def check(request: Request) -> None:
        queried(request, known)

    return check


def _once(pairs: Iterable[tuple[str, str]], known: Iterable[str], where: str) -> dict[str, str]:
    names = list(known)
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            wanted = f"only {', '.join(names)}" if names else "none"
            raise _wrong(f"{name[:100]!r} in {where}", wanted, "unknown_option")
        if name in found:
            raise _wrong(f"{name} twice in {where}", "it once")
        found[name] = value
    return found


def _wrong(found: str, wanted: str, code: str = "wrong_option") -> RefusedError:
    return RefusedError(422, code, found, wanted, "See /openapi.json for the options.")
