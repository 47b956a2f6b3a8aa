"""@op: declare an operation once; arrays, Tensors, half precision and the plain backward follow."""

import functools
from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from .geometry.arguments import real
from .geometry.arrays import (
    FLOAT32,
    FLOAT64,
    as_array,
    is_half,
    ndarray,
    new_output,
    to_ndarray,
    type_error,
    value_error,
)
from .tensor import ChosenCells, Tensor, cast, is_grad_enabled, record

if TYPE_CHECKING:
    import inspect

OPS: dict[str, "Op"] = {}


class Op:
    """One operation: `name`, `inputs`, bare `forward` and `backward`, and `public`, which users call."""

    def __init__(
        self,
        name: str,
        forward: Callable,
        inputs: tuple[str, ...],
        constants: tuple[str, ...] = (),
        integers: tuple[str, ...] = (),
        sequence: bool = False,
        weak: bool = False,
        quiet: bool = False,
        recorded: Callable | None = None,
        quick: Callable | None = None,
    ):
        self.name = name
        self.forward = _quiet(forward) if quiet else forward
        self.recorded = recorded or self.forward
        self.backward: Callable | None = None
        self.on_tape: Callable | None = None
        self.public_backward: Callable | None = None
        self.inputs = inputs
        self.constants = constants
        self.integers = integers
        self.sequence = sequence
        self.weak = weak
        self.quiet = quiet
        self.quick = quick
        code, defaults = forward.__code__, forward.__defaults__ or ()
        self.positional = code.co_argcount
        self.names = code.co_varnames[: self.positional + code.co_kwonlyargcount]
        self.defaults = dict(zip(self.names[self.positional - len(defaults) :], defaults))
        self.defaults |= forward.__kwdefaults__ or {}
        self.required = set(self.names) - set(self.defaults)
        self.others = tuple(name for name in self.names if name not in inputs)
        self.public = _make_public(self)

    @functools.cached_property
    def signature(self) -> "inspect.Signature":
        import inspect

        return inspect.signature(self.public)

    # The bare forward on a full map of its arguments.
    def run(self, call: dict[str, Any], recording: bool) -> tuple:
        return (self.recorded if recording else self.forward)(**call)

    def __repr__(self) -> str:
        return f"Op({self.name}{self.signature})"

    # Declares the gradient. The tape runs the bare function; the returned public one adds half precision and
    # Tensors. `quick` is to it what the trait of that name is to the forward; if it `sums`, it takes an array `onto`,
    # too, to which the first gradient is added on the way; if it `takes_chosen`, grad_output may be ChosenCells.
    # `choose` gives the gradient as such, or None.
    def gradient(
        self,
        function: Callable | None = None,
        *,
        quick: Callable | None = None,
        sums: bool = False,
        takes_chosen: bool = False,
        choose: Callable | None = None,
    ) -> Callable:
        if function is None:
            traits = {"quick": quick, "sums": sums, "takes_chosen": takes_chosen, "choose": choose}
            return functools.partial(self.gradient, **traits)
        code = function.__code__
        takes_needs = "needs" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        function = _quiet(function) if self.quiet else function
        self.backward = function

        # A dict at the end of `saved` holds keyword arguments.
        def on_tape(grad_output, saved, needs, onto=None, first=quick):
            keywords = {"needs": needs} if takes_needs else {}
            if saved and type(saved[-1]) is dict:
                *saved, rest = saved
                keywords |= rest
            also = keywords if onto is None else {**keywords, "onto": onto}
            grads = first(grad_output, *saved, **also) if first else None
            if grads is not None:
                return grads
            if type(grad_output) is ChosenCells:
                grad_output = grad_output.array()
            grads = function(grad_output, *saved, **keywords)
            return grads if onto is None else (grads[0] + onto, *grads[1:])

        on_tape.sums = sums
        on_tape.takes_chosen = takes_chosen
        on_tape.choose = functools.partial(on_tape, first=choose) if choose else None
        self.on_tape = on_tape
        needed = ("grad_output", *(name for name in self.inputs if name in self.required))
        self.public_backward = _plain_backward(f"{self.name}_backward", function, needed, quick)
        return self.public_backward

    # Where the differentiable arrays of one call stand: [(container, key, name)]; `call` maps parameters to
    # values.
    def places(self, call: dict[str, Any]) -> list[tuple]:
        if not self.sequence:
            return [(call, name, name) for name in self.inputs]
        name = self.inputs[0]
        try:
            call[name] = items = list(call[name])
        except TypeError:
            came = f"is a {type(call[name]).__name__}"
            raise type_error(self.name, name, came, "a sequence of arrays") from None
        return [(items, i, f"{name}[{i}]") for i in range(len(items))]


def op(*inputs: str, name: str | None = None, **traits: Any) -> Callable[[Callable], Callable]:
    """Declare an operation whose differentiable array parameters are `inputs`.

    The decorated forward sees plain arrays and returns `(result, saved)`; `saved` are the arguments that
    follow `grad_output` in the function given to `.gradient`. Traits:
    constants: names of array parameters that have no gradient.
    integers: names of inputs that may also be integer arrays, which then have no gradient.
    sequence: the one input is a sequence of arrays.
    weak: Python numbers may stand for inputs, and take the dtype of the others.
    quiet: NumPy's floating-point warnings are off inside, for there NaN and Inf are answers.
    recorded: what runs in place of the forward when a gradient is recorded, if that needs more than the
    result.
    quick: takes the forward's arguments by position and returns the result if it can do so at once, else None.

    >>> @op("input", name="example_double")
    ... def double(input):
    ...     return 2 * input, ()
    >>> @double.gradient
    ... def _(grad_output):
    ...     return 2 * grad_output
    >>> float(double(np.array(3.0)))
    6.0
    >>> double.op is OPS.pop("example_double")
    True
    """

    def declare(forward: Callable) -> Callable:
        operation = Op(name or forward.__name__, forward, inputs, **traits)
        OPS[operation.name] = operation
        return operation.public

    return declare


def _quiet(function: Callable) -> Callable:
    return np.errstate(all="ignore")(function)


# Exact ndarrays, the first one float32 or float64, go straight to forward, which itself refuses any other dtype among
# the rest; everything else takes the general road.
def _make_public(operation: Op) -> Callable:
    names, count = operation.names, operation.positional
    passed = [*names[:count], *(f"{name}={name}" for name in names[count:])]
    tests = [
        f"type({name}) is _ndarray"
        if name in operation.required
        else f"(type({name}) is _ndarray or {name} is None)"
        for name in operation.inputs + operation.constants
    ]
    first = operation.inputs[0]
    tests[0] = f"type({first}) is _ndarray and ({first}.dtype is _float32 or {first}.dtype is _float64)"
    fast = f"    if {' and '.join(tests)}:\n        return _forward({', '.join(passed)})[0]\n"
    fast = "" if operation.sequence else fast
    if operation.quick:
        fast = (
            f"    result = _quick({', '.join(names)})\n    if result is not None:\n        return result\n{fast}"
        )
    scope = {"_ndarray": ndarray, "_float32": FLOAT32, "_float64": FLOAT64}
    scope |= {"_forward": operation.forward, "_quick": operation.quick}
    public = with_signature(operation, _general, fast, scope)
    functools.update_wrapper(public, operation.forward, assigned=("__module__", "__doc__"))
    public.op = operation
    public.gradient = operation.gradient
    return public


def with_signature(operation: Op, road: Callable, first: str = "", scope: dict | None = None) -> Callable:
    """A function of an operation's parameters, all that it does: `road(operation, {parameter: value})`.

    It is written out as source because `*args, **kwargs` would cost more than the whole budget of a call; `first` are
    lines of source before, with the names of `scope`.
    """
    names, count = operation.names, operation.positional
    declared = [f"{name}=_{name}" if name in operation.defaults else name for name in names]
    if len(names) > count:
        declared.insert(count, "*")
    source = (
        f"def public({', '.join(declared)}):\n{first}"
        f"    return _road(_operation, {{{', '.join(f'{name!r}: {name}' for name in names)}}})\n"
    )
    scope = {"_road": road, "_operation": operation} | (scope or {})
    scope |= {f"_{name}": default for name, default in operation.defaults.items()}
    exec(_compiled(source), scope)
    public = scope["public"]
    public.__code__ = public.__code__.replace(co_name=operation.name)
    public.__name__ = public.__qualname__ = operation.name
    return public


# Operations of the same parameters share the work.
@functools.cache
def _compiled(source: str) -> CodeType:
    return compile(source, "<operation>", "exec")


# Prepared weights are their own business: they pass through as they are.
def _is_array(value: Any) -> bool:
    return isinstance(value, ndarray) or (value is not None and not hasattr(value, "_fastconv_prepared"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, (bool, np.bool_)
    )


# The general road of one call: everything that stands for an array made one, half precision cast around it, Tensors
# taken apart and the result recorded. It costs more than a small operation itself, so it looks at each argument once.
def _general(operation: Op, call: dict[str, Any]) -> Any:
    places = operation.places(call)
    values, parents, half, traced, recording = [], [], None, False, False
    for container, key, name in places:
        value, parent = container[key], None
        if isinstance(value, Tensor):
            parent, value = value, value.data
            traced, recording = True, recording or parent.requires_grad
        elif not isinstance(value, ndarray):
            value = container[key] = _converted(operation, name, value)
        values.append(value)
        parents.append(parent)
        if half is None and isinstance(value, ndarray) and is_half(value.dtype):
            half = value.dtype.newbyteorder("=")
    for name in operation.constants:
        if not isinstance(call[name], (ndarray, Tensor)):
            call[name] = _converted(operation, name, call[name])
    if half is not None:
        return _half(operation, half, call, places, values)
    for name in operation.others:
        if isinstance(call[name], Tensor):
            call[name], traced = call[name].data, True
    for (container, key, name), value in zip(places, values):
        container[key] = value if value is None else _bare(operation, name, value, values)
    if not traced:
        return operation.run(call, False)[0]
    recording = recording and is_grad_enabled()
    result, saved = operation.run(call, recording)
    if recording:
        if call.get("out") is not None:
            raise _recorded_out(operation)
        if operation.backward is None:
            raise value_error(
                operation.name, "input", "requires a gradient", "none: this operation has no gradient"
            )
    return record(result, operation.on_tape, saved, parents)


# An argument that is neither ndarray nor Tensor: None, a number that stands for an array, prepared, or made an ndarray.
def _converted(operation: Op, name: str, value: Any) -> Any:
    if value is None and name in operation.required:
        raise type_error(operation.name, name, "is None", "an array")
    if _is_array(value) and not (operation.weak and _is_number(value)):
        return to_ndarray(operation.name, name, value)
    return value


# An input as the bare forward takes it. A number that stands for an array takes the dtype of the first float array.
def _bare(operation: Op, name: str, value: Any, values: list) -> Any:
    if operation.weak and _is_number(value):
        dtypes = [one.dtype for one in values if isinstance(one, ndarray) and one.dtype.kind == "f"]
        value = np.asarray(real(operation.name, name, value), dtypes[0] if dtypes else FLOAT64)
    if not _is_array(value) or (name in operation.integers and value.dtype.kind in "iu"):
        return value
    return as_array(operation.name, name, value)


def _recorded_out(operation: Op) -> ValueError:
    came = "is given while a gradient is recorded"
    return value_error(operation.name, "out", came, "None, or a call in no_grad()")


# float16 and bfloat16 are stored, never computed in: cast to float32, call, cast back. A `dtype=` that the
# caller gave is the dtype of the result.
def _half(operation: Op, half: np.dtype, call: dict[str, Any], places: list, values: list) -> Any:
    for container, key, name in places:
        value = container[key]
        if isinstance(value, (ndarray, Tensor)) and not (
            name in operation.integers and value.dtype.kind in "iu"
        ):
            if value.dtype.newbyteorder("=") != half:
                raise type_error(
                    operation.name, name, f"is {value.dtype}, another input is {half}", "one dtype"
                )
            container[key] = cast(value, FLOAT32) if isinstance(value, Tensor) else value.astype(FLOAT32)
        elif value is not None and not _is_array(value):
            if value.dtype != half:
                raise type_error(operation.name, name, f"is {value.dtype}, another input is {half}", "one dtype")
            container[key] = value.single()
    for name in operation.constants:
        value = call[name]
        if isinstance(value, (ndarray, Tensor)) and is_half(value.dtype):
            call[name] = np.asarray(value, FLOAT32)
    out = call.get("out")
    if "out" in call:
        call["out"] = None
    result = _general(operation, call)
    if call.get("dtype") is None:
        result = tuple(_back(r, half) for r in result) if isinstance(result, tuple) else _back(result, half)
    if out is None:
        return result
    value = result[0] if isinstance(result, tuple) else result
    if isinstance(value, Tensor) and value.requires_grad:
        raise _recorded_out(operation)
    new_output(operation.name, out, value.shape, value.dtype, *values)[...] = np.asarray(value)
    written = Tensor(out) if isinstance(value, Tensor) else out
    return (written, *result[1:]) if isinstance(result, tuple) else written


def _back(result: Any, half: np.dtype) -> Any:
    if result.dtype != FLOAT32:
        return result
    return cast(result, half) if isinstance(result, Tensor) else np.asarray(result, half)


# Gradients as arrays in memory of their own: on the tape one may be, or be a view of, the gradient that came, and
# NumPy's arithmetic makes a scalar of an array without axes.
def _own(result: Any, grad_output: Any) -> Any:
    if isinstance(result, (tuple, list)):
        return type(result)(_own(one, grad_output) for one in result)
    if isinstance(result, np.generic):
        return np.asarray(result)
    if isinstance(result, ndarray) and isinstance(grad_output, ndarray):
        return result.copy() if np.may_share_memory(result, grad_output) else result
    return result


def _any_special(values: tuple) -> bool:
    for value in values:
        if isinstance(value, ndarray):
            if value.itemsize == 2 and is_half(value.dtype):
                return True
        elif isinstance(value, Tensor) or (_holds_arrays(value) and _any_special(value)):
            return True
    return False


# Whether `value` is the argument of an operation on a sequence of arrays.
def _holds_arrays(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0 and isinstance(value[0], (ndarray, Tensor))


# convert(value), or that of each array in a sequence of them.
def _each(convert: Callable, value: Any) -> Any:
    return [convert(one) for one in value] if _holds_arrays(value) else convert(value)


def _single(value: Any) -> Any:
    return value.astype(FLOAT32) if isinstance(value, ndarray) and is_half(value.dtype) else value


# The public backward: Tensors count as their arrays, half precision is cast around the call. None is refused
# for the arrays `needed`.
def _plain_backward(name: str, function: Callable, needed: tuple[str, ...], quick: Callable | None) -> Callable:
    names = getattr(function, "__wrapped__", function).__code__.co_varnames
    places = [(names.index(one), one) for one in needed if one in names]

    def public(*args, **kwargs):
        if quick:
            result = quick(*args, **kwargs)
            if result is not None:
                return result
        for place, one in places:
            if (args[place] if place < len(args) else kwargs.get(one, args)) is None:
                raise type_error(name, one, "is None", "an array")
        values = (*args, *kwargs.values())
        if not _any_special(values):
            return _own(function(*args, **kwargs), values[0] if values else None)
        arrays = [_each(lambda one: one.data if isinstance(one, Tensor) else one, value) for value in values]
        flat = [one for value in arrays for one in (value if _holds_arrays(value) else (value,))]
        floats = {a.dtype.newbyteorder("=") for a in flat if isinstance(a, ndarray) and a.dtype.kind not in "biu"}
        half = next((dtype for dtype in floats if is_half(dtype)), None)
        if half is not None:
            if len(floats) > 1:
                raise type_error(
                    name, "grad_output", f"and inputs have dtypes {sorted(map(str, floats))}", "one dtype"
                )
            half = half.newbyteorder("=")
            arrays = [_each(_single, value) for value in arrays]
        result = function(*arrays[: len(args)], **dict(zip(kwargs, arrays[len(args) :], strict=True)))
        if half is None:
            return _own(result, arrays[0])
        if isinstance(result, (tuple, list)):
            return type(result)(None if r is None else _back(r, half) for r in result)
        return _back(result, half)

    functools.update_wrapper(public, function)
    public.__name__ = public.__qualname__ = name
    return public
