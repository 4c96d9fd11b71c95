"""Makes musicnn.npz: what the four graphs of musicnn 0.1.0 say about a made-up sound.

The graphs are the `.meta` files that lie beside the checkpoints, not upstream's models.py, whose pools are
wrong for MSD_vgg. The input is librosa's log-mel.

    pip install tensorflow-cpu==2.21.0 librosa==0.11.0
    pip download --no-deps musicnn==0.1.0 && unzip musicnn-*.whl
    python tests/golden/make_musicnn.py musicnn
"""

import sys
from pathlib import Path

import librosa
import numpy as np
import tensorflow as tf
from signals import sweep
from tensorflow.core.protobuf import meta_graph_pb2

MUSICNN = {
    "max": "model/Max:0",
    "mean": "model/moments/Squeeze:0",
    "penultimate": "model/batch_normalization_10/batchnorm/add_1:0",
    "logits": "model/dense_1/BiasAdd:0",
}
VGG = {"pool5": "model/max_pooling2d_4/MaxPool:0", "logits": "model/dense/BiasAdd:0"}
GRAPHS = {"MSD_musicnn": MUSICNN, "MTT_musicnn": MUSICNN, "MSD_vgg": VGG, "MTT_vgg": VGG}


def run(folder: Path, outputs: dict[str, str], patches: np.ndarray) -> dict[str, np.ndarray]:
    """Run the graph of a folder, cut down to what `outputs` needs."""
    meta = meta_graph_pb2.MetaGraphDef()
    meta.ParseFromString((folder / ".meta").read_bytes())
    for node in meta.graph_def.node:  # shapes written by TensorFlow 1 that TensorFlow 2 will not take
        node.attr.pop("_output_shapes", None)
    wanted = [name.split(":")[0] for name in outputs.values()] + ["save/restore_all"]
    cut = tf.compat.v1.graph_util.extract_sub_graph(meta.graph_def, wanted)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        tf.import_graph_def(cut, name="")
        session.run("save/restore_all", {"save/Const:0": f"{folder}/"})
        feeds = [n.name for n in cut.node if n.op == "Placeholder"]
        kinds = {name: graph.get_tensor_by_name(f"{name}:0") for name in feeds}
        feed = {t: False if t.dtype == tf.bool else patches for t in kinds.values()}
        return dict(zip(outputs, session.run(list(outputs.values()), feed), strict=True))


mel = librosa.feature.melspectrogram(y=sweep(4.6), sr=16000, n_fft=512, hop_length=256, n_mels=96).T
log_mel = np.log10(1 + 10000 * mel).astype(np.float32)
patches = np.stack([log_mel[start : start + 187] for start in (0, 94)])
golden = {"log_mel": log_mel[: 187 + 94].astype(np.float32)}
for name, outputs in GRAPHS.items():
    for output, value in run(Path(sys.argv[1]) / name, outputs, patches).items():
        golden[f"{name}/{output}"] = np.asarray(value, np.float32)
np.savez_compressed(Path(__file__).with_name("musicnn.npz"), **golden)
