"""What the paper says, and what its notebook did: facts to stand beside our numbers.

Uncu, "A Survey On Audio Signal Classification Using Transfer Learning: CNN and VGGish implementation on the GTZAN
Dataset". The figures are those of its figures 8 and 12; what was really run was read in its notebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TITLE = "A Survey On Audio Signal Classification Using Transfer Learning: CNN and VGGish implementation on GTZAN"
CONCLUSION = "the scratch-based CNN outperforming the VGGish-based model"
CLIPS = 1000  # of GTZAN: 100 of each genre, 30 s each
PER_GENRE = 100
SECONDS = 30.0
SEED = 42
EPOCHS = 30
BATCH = 32
STEPS = 30 * 338  # of 32 of the 10,792 chunks it learnt from
DROPPED = "jazz"  # in its first table


@dataclass(frozen=True)
class Claim:
    """A method as the paper reports it. ``classes``: precision, recall, F1 and support by genre."""

    name: str
    figure: int  # of the classification report; curves are the two before, the confusion matrix the one after
    accuracy: float
    evaluated: int
    unit: str
    classes: Mapping[str, tuple[float, float, float, int]]
    text: str  # what the paper says was done
    run: str  # what was done

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the genres."""
        return sum(embedding[2] for embedding in self.classes.values()) / len(self.classes)


CNN = Claim(
    name="CNN from scratch",
    figure=8,
    accuracy=0.91,
    evaluated=2698,
    unit="chunk",
    classes={
        "blues": (0.91, 0.93, 0.92, 316),
        "classical": (0.92, 0.99, 0.95, 291),
        "country": (0.93, 0.85, 0.89, 326),
        "disco": (0.94, 0.89, 0.91, 289),
        "hiphop": (0.94, 0.95, 0.94, 295),
        "metal": (0.97, 0.90, 0.94, 298),
        "pop": (0.97, 0.90, 0.93, 318),
        "reggae": (0.91, 0.94, 0.92, 273),
        "rock": (0.75, 0.86, 0.80, 292),
    },
    text="Short segments at 44.1 kHz, log-mel, three convolutions with growing filters, two dense layers, dropout 0.3, "
    "Adam 1e-4, batches of 32, at most 30 epochs, stopped early by validation accuracy. Jazz dropped: 9 genres.",
    run="Chunks of 4 s, each sharing 2 s with the next; mel power without a logarithm, stretched to 150 x 150; ten "
    "convolutions and a dense layer of 1200; all 30 epochs. 13,490 chunks split 80/20 at random (seed 42): every test "
    "chunk has its own track in training, 93 % share 2 s of the very same samples with a training chunk.",
)

VGGISH = Claim(
    name="Frozen VGGish",
    figure=12,
    accuracy=0.82,
    evaluated=200,
    unit="clip",
    classes={
        "blues": (0.90, 0.90, 0.90, 21),
        "classical": (1.00, 0.92, 0.96, 12),
        "country": (0.85, 0.71, 0.77, 24),
        "disco": (0.78, 0.64, 0.70, 22),
        "hiphop": (0.83, 0.67, 0.74, 15),
        "jazz": (1.00, 1.00, 1.00, 27),
        "metal": (0.90, 1.00, 0.95, 18),
        "pop": (0.73, 0.84, 0.78, 19),
        "reggae": (0.62, 0.82, 0.71, 22),
        "rock": (0.70, 0.70, 0.70, 20),
    },
    text="16 kHz, silence trimmed, 128 numbers per 0.96 s by a frozen VGGish, dense layers with ReLU and dropout, "
    "softmax over 10 genres, Adam, stopped early by validation accuracy.",
    run="The embeddings of a clip as an image of 31 x 128 through ten convolutions and a dense layer of 1200 (12,712,058 "
    "parameters); 999 clips split 80/20 at random (seed 42), the test clips being the validation clips; no early "
    "stopping: all 30 epochs, the validation loss rising from the 16th. One unreadable file dropped without a word.",
)

CLAIMS = (CNN, VGGISH)
