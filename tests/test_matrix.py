"""Products of matrices, large, thin and deep: laid out in any way, every sum is right and the bits are those of one
thread; and no thread of BLAS gets in the kernels' way."""

import numpy as np
import pytest

import fastconv as fc

# of the matrices (…, rows, depth) @ (…, depth, columns)
SHAPES = {
    "square": ((96, 71), (71, 96)),
    "wide": ((9, 130), (130, 301)),
    "tall": ((601, 33), (33, 17)),
    "batch": ((3, 2, 67, 80), (3, 2, 80, 65)),
    "rows of a batch": ((3, 50, 80), (80, 65)),
    "broadcast": ((3, 1, 67, 80), (2, 80, 65)),
    "thin": ((7, 300), (300, 200)),
    "row": ((1, 401), (401, 97)),
    "column": ((130, 301), (301, 1)),
    "outer": ((97, 1), (1, 401)),
    "deep": ((3, 5003), (5003, 6)),
    "row for many": ((1, 80), (5, 80, 130)),
    "nothing": ((4, 0), (0, 3)),
}
SIZES = [(300, 65, 40), (40, 65, 300), (7, 400, 200), (33, 1024, 10), (1, 5003, 7), (9, 130, 1), (3, 0, 5)]
LAYOUTS = {
    "C": lambda x: x,
    "turned": lambda x: np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2),
    "apart": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
}


def integers(rng, shape, dtype):
    return rng.integers(-3, 4, shape).astype(dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SHAPES)
def test_products_of_small_integers_are_exact(name, dtype, layout, isa):
    rng = np.random.default_rng(1)
    left, right = (LAYOUTS[layout](integers(rng, shape, dtype)) for shape in SHAPES[name])
    want = np.matmul(left.astype(np.int64), right.astype(np.int64))
    grad = LAYOUTS[layout](integers(rng, want.shape, dtype))
    got = fc.matmul(left, right)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, want)
    for result, matrix, factors in zip(
        fc.matmul_backward(grad, left, right),
        (left, right),
        ((grad, right.swapaxes(-1, -2)), (left.swapaxes(-1, -2), grad)),
        strict=True,
    ):
        full = np.matmul(*factors)
        extra = full.ndim - matrix.ndim
        kept = [i for i, n in enumerate(matrix.shape) if n == 1 != full.shape[extra + i]]
        full = full.sum((*range(extra), *(extra + i for i in kept)), keepdims=True).reshape(matrix.shape)
        np.testing.assert_array_equal(result, full)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rows", "features", "columns"), SIZES)
def test_dense_layers_of_small_integers_are_exact(rows, features, columns, dtype, bias, isa):
    rng = np.random.default_rng(2)
    x, w, b = (integers(rng, shape, dtype) for shape in ((rows, features), (columns, features), (columns,)))
    got = fc.linear(x, w, b if bias else None)
    np.testing.assert_array_equal(got, x @ w.T + (b if bias else 0))
    grad = integers(rng, got.shape, dtype)
    wanted = grad @ w, grad.T @ x, grad.sum(0)
    for result, want in zip(fc.linear_backward(grad, x, w, b), wanted, strict=True):
        np.testing.assert_array_equal(result, want)


@pytest.mark.parametrize("name", ["square", "wide", "batch", "row", "deep"])
def test_bits_do_not_depend_on_the_number_of_threads(name, isa):
    rng = np.random.default_rng(3)
    left, right = (rng.standard_normal(shape).astype(np.float32) for shape in SHAPES[name])
    results = []
    for threads in (1, 2):
        with fc.threads(threads):
            product = fc.matmul(left, right)
            results.append((product, *fc.matmul_backward(product, left, right)))
    for alone, together in zip(*results, strict=True):
        np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("left", "right"), [((300,), (300,)), ((40, 300), (300,)), ((300,), (300, 40)), ((300,), (2, 300, 40))]
)
def test_vectors_are_rows_or_columns(left, right, dtype, isa):
    rng = np.random.default_rng(4)
    a, b = integers(rng, left, dtype), integers(rng, right, dtype)
    got = fc.matmul(a, b)
    np.testing.assert_array_equal(got, a @ b)
    assert np.shape(got) == np.shape(a @ b)


@pytest.mark.parametrize("rows", [1, 2, 5, 40])
@pytest.mark.parametrize(("features", "columns"), [(512, 1000), (96, 96), (9216, 2), (3, 700)])
def test_products_that_blas_would_cut_into_threads_are_ours(rows, features, columns, monkeypatch):
    def small(left, right, out):
        rows, depth, columns = left.shape[-2], left.shape[-1], right.shape[-1]
        # what OpenBLAS leaves on one thread
        assert rows * depth * columns <= (1 << 18 if min(rows, columns) > 1 else 9216)
        return numpy_matmul(left, right, out=out)

    numpy_matmul = np.matmul
    monkeypatch.setattr(np, "matmul", small)
    rng = np.random.default_rng(5)
    x, w = integers(rng, (rows, features), np.float32), integers(rng, (columns, features), np.float32)
    y = fc.linear(x, w)
    fc.linear_backward(y, x, w)
    fc.matmul_backward(y, x, w.T)
    fc.matmul(x, w.T.copy())


def test_gradients_of_a_dense_layer_are_no_views_which_the_tape_would_copy():
    x, w = np.ones((4, 5), np.float32), np.ones((3, 5), np.float32)
    grad_input, grad_weight, _ = fc.linear_backward(np.ones((4, 3), np.float32), x, w, w[:, 0].copy())
    assert grad_input.base is None
    assert grad_weight.base is None
