"""What the API answers, for its description (OpenAPI) and for the tests that hold the answers to it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Told(BaseModel):
    """A label with its scores."""

    label: str = Field(description="The best class, also where the sound is unknown.")
    unknown: bool | None = Field(
        None,
        description="True: unlike the training sounds, so the label means little and the set promises nothing. Null: the model "
        "cannot tell.",
    )
    score: float = Field(description="Calibrated probability of the label, 0 to 1.")
    scores: dict[str, float] = Field(description="Calibrated probability of every class; they sum to 1.")
    set: list[str] | None = Field(
        None, description="Labels that cannot be excluded at the model's error rate, best first. Null: not calibrated."
    )


class Piece(Told):
    """A piece of the sound. Where there is nothing to hear, its label is empty and its scores are 0."""

    start: float = Field(description="Seconds.")
    end: float = Field(description="Seconds; never beyond the sound's end.")
    reason: str | None = Field(None, description="Why there is no label. Null: there is one.")


class Picture(BaseModel):
    """Outline and log-mel spectrogram, embedding by window in base64."""

    columns: int
    bands: int
    step: float = Field(description="Seconds a column stands for.")
    seconds: float
    top: float = Field(description="Upper edge of the highest band, Hz.")
    range: float = Field(description="Decibels from 0 to 255 in mel.")
    mel: str = Field(description="uint8 (columns, bands), 255 is the loudest, low bands first.")
    outline: str = Field(description="int8 (columns, 2), lowest and highest sample, 127 is full scale.")


class Answer(Told):
    """What a model says of a sound."""

    model: str
    file: str = Field(description="The last part of the name that was sent.")
    seconds: float = Field(description="Seconds of sound that were heard.")
    format: str = Field(description="How the sound is encoded.")
    alpha: float | None = Field(None, description="Share of sounds whose true label the set may miss.")
    timeline: list[Piece] | None = None
    view: Picture | None = None


class Range(BaseModel):
    """A measured score with its 95 % interval."""

    value: float | None
    low: float | None
    high: float | None


class Measured(BaseModel):
    """How good the model was on sounds that it had not learnt from."""

    protocol: str
    meaning: str = Field(description="What the protocol keeps together, in words.")
    clips: int
    groups: int
    baseline: float | None = Field(description="Accuracy of always saying the most frequent class.")
    scores: dict[str, Range]


class Calibrated(BaseModel):
    """How scores become probabilities, and how well that worked out of fold."""

    temperature: float
    alpha: float = Field(
        description="Share of sounds whose true label a prediction set may miss, unless asked otherwise."
    )
    error_before: float | None = Field(description="Calibration error of the head's own scores.")
    error_after: float | None = Field(description="The same of the calibrated scores.")
    error_perfect: float | None = Field(description="What a perfectly calibrated model shows on as many clips.")


class Part(BaseModel):
    """A backbone and where it comes from."""

    name: str
    sample_rate: int
    window: float
    hop: float
    licence: str
    trained_on: str
    citation: str


class Facts(BaseModel):
    """A model and how far to trust it."""

    name: str
    title: str
    recipe: str
    task: str = Field(description="single-label: a sound is of one class.")
    labels: list[str]
    measured: Measured
    calibration: Calibrated | None
    unknown_rate: float | None = Field(description="Share of known sounds called unknown. Null: the model cannot tell.")
    notes: list[str] = Field(description="What limits the figures and the calibration, in words.")
    parts: list[Part]
    data: dict[str, Any] = Field(description="name, clips, licence, citation, fingerprint of the training data.")
    created: str
    versions: dict[str, str]


class Taken(BaseModel):
    """What the server takes."""

    bytes: int
    seconds: float
    timeout: float


class Models(BaseModel):
    """The models of this server; the first is asked if a request names none."""

    models: list[Facts]
    limits: Taken
    version: str


class Problem(BaseModel):
    """Why there is no answer."""

    code: str
    message: str
    found: str
    wanted: str
    do: str


class Refusal(BaseModel):
    """The body of every error."""

    error: Problem


class Progress(BaseModel):
    """How far a prediction is whose sound is in."""

    state: str = Field(description="waiting: for a worker; working.")
    share: float | None = Field(
        description="How much of the work is done, 0 to 1. Null: the sound does not say how long it is."
    )


class State(BaseModel):
    """Whether the server lives, or takes requests."""

    status: str
