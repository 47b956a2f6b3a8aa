# Threads, precision, instruction sets; signals and forks. Included by _core.pyx.

cdef int default_threads = 1
cdef bint any_local_threads = False
local_threads = contextvars.ContextVar("fastconv_threads", default=0)


cdef int threads_here():
    if any_local_threads:
        local = local_threads.get()
        if local:
            return local
    return min(default_threads, fc_threads_allowed())


# Waking threads costs as much as passing over some hundred thousand elements in cache: `work`, counted in them, below
# that stays on one.
cdef int threads_for(int64_t work):
    return threads_here() if work > 1 << 17 else 1


def set_default_threads(int count):
    global default_threads
    default_threads = count


def use_local_threads(count):
    """Set the context's own thread count; returns the token that `local_threads.reset` takes."""
    global any_local_threads
    any_local_threads = True
    return local_threads.set(count)


def get_threads():
    return threads_here()


# How convolutions may round, in the order of PRECISIONS in fastconv/geometry/arguments.py; -1 leaves it to the context.
cdef enum:
    EXACT = 1

cdef bint any_local_precision = False
local_precision = contextvars.ContextVar("fastconv_precision", default=0)


cdef int precision_here(int asked=-1):
    if asked < 0 and any_local_precision:
        return local_precision.get()
    return asked


def use_local_precision(int code):
    """Set the context's own precision; returns the token that `local_precision.reset` takes."""
    global any_local_precision
    any_local_precision = True
    return local_precision.set(code)


def get_precision():
    return local_precision.get()


def isa_levels():
    """Instruction sets compiled in and runnable on this processor, best first."""
    names = []
    while fc_isa_level(<int>len(names)) is not NULL:
        names.append(fc_isa_level(<int>len(names)).decode())
    return names


def use_isa(name):
    """Compute with the named instruction set ("" for the best); False if it can't run here."""
    return fc_use_isa(name.encode()) == 0


def isa():
    return fc_operators_for(0).isa.decode()


def openmp():
    """The OpenMP this was built with, as its specification's date, or "none"."""
    version = fc_openmp()
    return f"OpenMP {version}" if version else "none (serial build)"


def set_flush_denormals(bint on):
    fc_set_flush_denormals(on)


def fma_probe(int64_t rounds, int type=0):
    """Do `rounds` of independent fused multiply-adds in registers; returns the floating-point operations done."""
    cdef double done
    with nogil:
        done = fc_operators_for(type).fma_probe(rounds)
    return done


def note_main_thread():
    """Signals are handled on this one; a child's is the thread that forked."""
    global fc_main_thread
    fc_main_thread = threading.main_thread().ident


note_main_thread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=note_main_thread)
fc_set_interrupt_check(fc_check_signals)
fc_survive_forks()
fc_threads_allowed()


# Follows every operator: raises what a signal's handler raised while it ran.
cdef int raise_interrupt() except -1:
    return -1 if fc_interrupted() else 0
