"""Files of annotations as soundevent 2.10 writes them (pip install soundevent): ``set.json`` with every geometry, and
``predictions.json``. Run in this folder."""

from __future__ import annotations

from pathlib import Path

from soundevent import data, io

SHAPES = [
    data.BoundingBox(coordinates=[1, 500, 2, 900]),
    data.TimeInterval(coordinates=[2, 3]),
    data.TimeStamp(coordinates=4),
    data.Point(coordinates=[5, 100]),
    data.LineString(coordinates=[[5, 100], [6, 200]]),
    data.Polygon(coordinates=[[[7, 100], [8, 300], [7.5, 50], [7, 100]]]),
    data.MultiPoint(coordinates=[[8, 100], [8.5, 200]]),
    data.MultiLineString(coordinates=[[[8, 1], [8.2, 2]], [[9, 3], [9.1, 4]]]),
    data.MultiPolygon(
        coordinates=[[[[7, 100], [8, 300], [7.5, 50], [7, 100]]], [[[8.5, 100], [9, 400], [8.6, 50], [8.5, 100]]]]
    ),
]


def main() -> None:
    """Write both files."""
    recording = data.Recording(path=Path("/field/a/rec.wav"), duration=10, channels=1, samplerate=44100)
    clip = data.Clip(recording=recording, start_time=0, end_time=10)
    tags = [data.Tag(term=data.term_from_key("species"), value=name) for name in ("Myotis", "Nyctalus")]
    events = [data.SoundEvent(recording=recording, geometry=shape) for shape in SHAPES]
    told = [data.SoundEventAnnotation(sound_event=e, tags=tags if i == 1 else tags[:1]) for i, e in enumerate(events)]
    annotations = [data.ClipAnnotation(clip=clip, sound_events=told, tags=[])]
    io.save(data.AnnotationSet(name="set", clip_annotations=annotations), "annotations/set.json")
    tag = data.PredictedTag(tag=tags[0], score=0.5)
    guess = data.SoundEventPrediction(sound_event=events[0], score=0.5, tags=[tag])
    found = [data.ClipPrediction(clip=clip, sound_events=[guess])]
    io.save(data.PredictionSet(name="predictions", clip_predictions=found), "annotations/predictions.json")


if __name__ == "__main__":
    main()
