"""The command trains on files in their own formats; an error is one clear line and a non-zero status."""

import subprocess
import sys

import numpy as np
import pytest

from fastconv import cli
from test_data import cifar_batches, cifar_folder, idx, mnist_parts


def test_info_says_what_runs(capsys):
    assert cli.main(["info"]) == 0
    assert "threads" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out.startswith("fastconv ")


def test_train_cifar10_runs_the_articles_network_on_files_in_its_format(tmp_path, capsys):
    folder = cifar_folder(tmp_path / "data", "python", cifar_batches(8))
    out = tmp_path / "out"
    assert cli.main(["train", "cifar10", "--data", str(folder), "--epochs", "1", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "40 training and 8 test images of 3 x 32 x 32" in text
    assert "(N, 128, 2, 2)" in text
    assert "(N, 512)" in text
    assert "test accuracy" in text
    for name in ("learning_curve.png", "predictions.png", "model.npz", "history.csv", "checkpoint.npz"):
        assert (out / name).stat().st_size > 0, name


def test_train_mnist_reads_idx_files(tmp_path, capsys):
    for name, array in mnist_parts(20, 10).items():
        (tmp_path / name).write_bytes(idx(array))
    assert cli.main(["train", "mnist", "--data", str(tmp_path), "--epochs", "1", "--batch-size", "10"]) == 0
    assert "20 training and 10 test images of 1 x 28 x 28" in capsys.readouterr().out


def test_same_seed_trains_the_same_model(tmp_path):
    folder = cifar_folder(tmp_path / "data", "binary", cifar_batches(4))
    models = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / str(number)
        arguments = ["train", "cifar10", "--data", str(folder), "--epochs", "1", "--seed", str(seed)]
        assert cli.main([*arguments, "--out", str(out)]) == 0
        models.append(np.load(out / "model.npz")["0.weight"])
    np.testing.assert_array_equal(models[0], models[1])
    assert not np.array_equal(models[0], models[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "cifar10"], "--data is missing"),
        (["train", "cifar10", "--data", "/nonexistent"], "cs.toronto.edu"),
        (["train", "mnist", "--data", "/nonexistent"], "yann.lecun.com"),
    ],
)
def test_errors_are_one_line_and_a_status(arguments, message, capsys):
    assert cli.main(arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "faces"], "invalid choice"),
        (["train", "digits", "--epochs", "0"], "0 is not 1 or more"),
        (["train", "digits", "--lr", "-1"], "not a positive number"),
        ([], "command"),
    ],
)
def test_wrong_usage_is_status_2(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("module", ["fastconv", "fastconv.cli"])
def test_the_module_runs_as_a_program(module):
    run = subprocess.run(
        [sys.executable, "-m", module, "train", "cifar10"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("fastconv: train cifar10: --data is missing")


def test_bench_prints_a_table(capsys, monkeypatch):
    from fastconv.train import neighbours

    monkeypatch.setattr(neighbours, "LAYERS", (neighbours.Layer("tiny", (1, 2, 6, 6), (3, 2, 3, 3), 2, 1),))
    assert cli.main(["bench", "--seconds", "0.01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "NumPy im2col" in lines[0]
    assert lines[2].startswith("tiny")
