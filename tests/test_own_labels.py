"""A classifier's own labels are its decision: ours must be scikit-learn's, row by row."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets, ensemble, multiclass, neighbors, svm, tree

from frugalbench import bench, models
from frugalbench.spec import Data, Model, Plan, Spec, Target

skl2onnx = pytest.importorskip("skl2onnx")
FAST = Plan(processes=1, process_seconds=0.02, warmup_seconds=0.01, idle_seconds=0, windows=2)
NAMES = np.array(["lo", "mid", "hi"])

CLASSIFIERS = {
    "tree": tree.DecisionTreeClassifier(max_depth=2, random_state=0),
    "forest": ensemble.RandomForestClassifier(8, max_depth=3, random_state=0),
    "svc": svm.SVC(probability=True, random_state=0),
    "bagging": ensemble.BaggingClassifier(tree.DecisionTreeClassifier(max_depth=2), random_state=0),
    "one-vs-rest": multiclass.OneVsRestClassifier(tree.DecisionTreeClassifier(max_depth=2)),
    "neighbours": neighbors.KNeighborsClassifier(4),
}


def task(kind: str) -> tuple[Any, Any]:
    """Noisy rows of two or three classes, as numbers or as text."""
    x, y = datasets.load_iris(return_X_y=True)
    x = (x + np.random.default_rng(0).normal(0, 0.8, x.shape)).astype(np.float32)
    if kind == "two":
        return x, (y == 1).astype(np.int64)
    return x, NAMES[y]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["two", "three"])
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_decision_is_the_classifiers_own(
    tmp_path: Path, name: str, zipmap: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing here asks how much a model multiplies, and counting takes a process each time.
    monkeypatch.setattr(models, "count", lambda proto, dims: (None, ""))
    x, y = task(kind)
    fitted = CLASSIFIERS[name].fit(x, y)
    options = {id(fitted): {"zipmap": zipmap}}
    exported = skl2onnx.to_onnx(fitted, x[:1], options=options, target_opset=17)
    (tmp_path / "m.onnx").write_bytes(exported.SerializeToString())
    np.savez(tmp_path / "d.npz", X=x, y=y)
    spec = Spec(
        model=Model(path=str(tmp_path / "m.onnx")),
        data=Data(path=str(tmp_path / "d.npz"), label="y"),
        plan=FAST,
        target=Target(meters=("fake",)),
    )
    record = bench.run(spec)
    assert record.data is not None
    classes = np.array(record.data.classes)
    assert (record.arrays["y_pred"] >= 0).all()
    ours = classes[record.arrays["y_pred"]]
    assert (ours == fitted.predict(x)).mean() == 1
