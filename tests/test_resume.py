"""Training stops cleanly, its checkpoints are whole or refused, and it resumes as if it had never stopped."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from fastconv import nn
from fastconv.optim.lr_scheduler import CosineAnnealingLR
from fastconv.train import Checkpoint, CSVLogger, EarlyStopping, LearningRateSchedule, Trainer, checkpoint
from training import bars, same_state, trainer


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_resumed_run_has_the_bits_of_an_unbroken_one(tmp_path, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    x, y = bars()

    def make(path):
        schedule = LearningRateSchedule(lambda optimizer: CosineAnnealingLR(optimizer, T_max=6))
        stopping = EarlyStopping("val_loss", patience=50, restore_best_weights=True)
        return trainer(callbacks=[schedule, stopping, Checkpoint(path), CSVLogger(f"{path}.csv")])

    options = {"batch_size": 16, "validation_split": 0.25, "augment": lambda images: images, "verbose": False}
    whole = make(tmp_path / f"whole{suffix}")
    expected = whole.fit(x, y, epochs=6, **options)
    path = tmp_path / f"part{suffix}"
    make(path).fit(x, y, epochs=6, **{**options, "augment": StopAfter(3 * 5 - 2)})
    assert checkpoint.read(path)["history"]["epoch"] == [1, 2]
    after = make(path).resume(path)
    nn.init.manual_seed(999)  # what others draw from the generator before resuming is no matter
    after.resume(path)
    history = after.fit(x, y, epochs=6, **options)
    same_state(whole.model, after.model)
    assert history.history == expected.history
    assert history.epoch == [1, 2, 3, 4, 5, 6]
    whole_rows, part_rows = ((tmp_path / f"{name}{suffix}.csv").read_text() for name in ("whole", "part"))
    assert whole_rows == part_rows


class StopAfter:
    """Augmentation that changes nothing and sends Ctrl-C at a given batch."""

    def __init__(self, batch):
        self.left = batch

    def __call__(self, images):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return images


def test_ctrl_c_ends_after_the_batch_with_history_and_checkpoint_intact(tmp_path):
    x, y = bars()
    handler = signal.getsignal(signal.SIGINT)
    run = trainer(callbacks=[Checkpoint(tmp_path / "run.npz")])
    history = run.fit(x, y, epochs=9, batch_size=16, augment=StopAfter(15), verbose=False)
    assert history.interrupted
    assert history.epoch == [1, 2]
    assert checkpoint.read(tmp_path / "run.npz")["history"]["epoch"] == [1, 2]
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_ctrl_c_interrupts_at_once():
    x, y = bars()

    def twice(images):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return images

    with pytest.raises(KeyboardInterrupt):
        trainer().fit(x, y, augment=twice, verbose=False)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_kill_9_during_checkpoints_leaves_a_whole_one(tmp_path):
    path = tmp_path / "run.npz"
    code = f"""
        import numpy as np
        from fastconv.train import checkpoint
        number = 0
        while True:
            number += 1
            checkpoint.write({str(path)!r}, {{"number": number, "a": np.full(200_000, number)}})
    """
    for delay in (0.0, 0.013, 0.031):
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
        end = time.monotonic() + 60
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        state = checkpoint.read(path)
        assert np.all(state["a"] == state["number"])


def test_checkpoints_that_were_cut_or_changed_are_refused(tmp_path):
    x, y = bars()
    run = trainer()
    run.fit(x, y, verbose=False)
    path = tmp_path / "run.npz"
    run.save(path)
    content = path.read_bytes()
    for damaged in (content[:-100], content[: len(content) // 2], b"", b"PK" + bytes(50)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is not a whole"):
            trainer().resume(path)
    place = content.index(run.model[0].weight.data.tobytes())
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(ValueError, match="is not a whole"):
        trainer().resume(path)
    with pytest.raises(FileNotFoundError):
        trainer().resume(tmp_path / "none.npz")


def test_an_array_exchanged_inside_a_valid_file_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    checkpoint.write(path, {"a": np.arange(3)})
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **{**arrays, "a": np.arange(1, 4)})
    with pytest.raises(ValueError, match="checksum"):
        checkpoint.read(path)


def test_checkpoint_keeps_every_kind_of_value(tmp_path):
    tree = {
        "a": {"b": [1, 2.5, None, True, "x", np.float32([1, 2])], "/": {}},
        "inf": float("inf"),
        "n": np.int64(3),
    }
    checkpoint.write(tmp_path / "t.npz", tree)
    back = checkpoint.read(tmp_path / "t.npz")
    np.testing.assert_array_equal(back["a"]["b"].pop(), tree["a"]["b"].pop())
    assert back == tree
    with pytest.raises(TypeError, match="checkpoint: f is a"):
        checkpoint.write(tmp_path / "t.npz", {"f": print})


def test_a_checkpoint_of_another_model_does_not_fit(tmp_path):
    run = trainer()
    run.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="does not fit this Trainer.*missing"):
        Trainer(nn.Linear(3, 2)).resume(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="callbacks are"):
        trainer(callbacks=[CSVLogger("x.csv")]).resume(tmp_path / "run.npz")
