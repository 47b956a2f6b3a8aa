# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=False, binding=False, freethreading_compatible=True
"""The door to C: pointers in, GIL released, scratch owned. Trusts its callers, so only geometry-checked calls reach it."""

import contextvars
import os
import threading

from numpy import empty as empty_array, frombuffer

cimport cython
from libc.stdint cimport int64_t
cimport numpy as cnp

cnp.import_array()

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    /* A sanitizer gets a block of its own for every call, which ends where the call may no longer write. */
    #if defined(__SANITIZE_ADDRESS__)
    enum { FC_KEEPS_SCRATCH = 0 };
    static void *fc_allocate(size_t bytes, void **base) { return *base = aligned_alloc(64, bytes); }
    #else
    enum { FC_KEEPS_SCRATCH = 1 };
    /* 64-byte aligned; large blocks on huge pages where the system has them. */
    static void *fc_allocate(size_t bytes, void **base) {
        size_t alignment = bytes >= (4u << 20) ? (2u << 20) : 64;
        *base = malloc(bytes + alignment);
        if (!*base) return NULL;
        void *aligned = (void *)(((size_t)*base + alignment - 1) & ~(alignment - 1));
    #if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (bytes >= (4u << 20)) madvise(aligned, bytes, MADV_HUGEPAGE);
    #endif
        return aligned;
    }
    #endif
    /* Runs the handlers of pending signals, as Python does on its main thread only; true if one raised. */
    static unsigned long fc_main_thread;
    static int fc_check_signals(void) {
        if (PyThread_get_thread_ident() != fc_main_thread) return 0;
        PyGILState_STATE state = PyGILState_Ensure();
        int raised = PyErr_CheckSignals() != 0;
        PyGILState_Release(state);
        return raised;
    }
    """
    const bint FC_KEEPS_SCRATCH
    void *fc_allocate(size_t bytes, void **base) nogil
    int fc_check_signals() noexcept nogil
    unsigned long fc_main_thread

from cpython.list cimport PyList_CheckExact
from cpython.tuple cimport PyTuple_CheckExact
from libc.stdlib cimport free

cdef extern from "numpy/arrayobject.h":
    object PyDataMem_SetHandler(object)

cdef extern from "blocks.h":
    object blocks_capsule()
    size_t blocks_kept()
    void blocks_release()

cdef extern from "fastconv.h" nogil:
    ctypedef struct fc_conv_geometry:
        int64_t N, C, K, G
        int64_t input[3]
        int64_t output[3]
        int64_t kernel[3]
        int64_t stride[3]
        int64_t padding[3]
        int64_t dilation[3]
        int exact
    ctypedef struct fc_choice:
        const char *kernel
        const char *reason
    ctypedef struct fc_pool_geometry:
        int64_t planes
        int64_t input[3]
        int64_t output[3]
        int64_t kernel[3]
        int64_t stride[3]
        int64_t padding[3]
        int64_t dilation[3]
        int64_t divisor
        int64_t asked_kernel[3]
        int64_t asked_padding[3]
        int count_padding
        int adaptive
    ctypedef struct fc_epilogue:
        const void *bias
        const void *residual
        int activation
    ctypedef struct fc_correlation:
        int64_t outer
        int64_t source[2]
        int64_t result[2]
        int64_t taps[2]
        int64_t start
        const int64_t *at[2]
        double constant[2]
        double divisor[2]
    ctypedef struct fc_step:
        double lr, sign, decay, shrink, beta1, beta2, keep, correction, eps
        int kind, first, nesterov
    ctypedef struct fc_operators:
        const char *isa
        int64_t lanes
        int64_t conv_forward_scratch(const fc_conv_geometry *, int) noexcept nogil
        void conv_forward(const fc_conv_geometry *, const void *, const void *, const void *, const fc_epilogue *, void *, void *, int) noexcept nogil
        int64_t conv_last_scratch(const fc_conv_geometry *, int) noexcept nogil
        void conv_last(const fc_conv_geometry *, const void *, const void *, const fc_epilogue *, void *, void *, int) noexcept nogil
        int64_t conv_grad_input_scratch(const fc_conv_geometry *, int) noexcept nogil
        void conv_grad_input(const fc_conv_geometry *, const void *, const void *, const void *, const fc_epilogue *, void *, void *, int) noexcept nogil
        int64_t conv_grad_weight_scratch(const fc_conv_geometry *, int) noexcept nogil
        void conv_grad_weight(const fc_conv_geometry *, const void *, const void *, void *, void *, int) noexcept nogil
        int64_t conv_grad_chosen_scratch(const fc_conv_geometry *, int, int64_t, int) noexcept nogil
        int conv_grad_chosen(const fc_conv_geometry *, int, int64_t, const void *, const int64_t *, const void *, void *, void *, int) noexcept nogil
        int64_t conv_packed_bytes(const fc_conv_geometry *, int) noexcept nogil
        void conv_pack(const fc_conv_geometry *, int, const void *, void *, void *, int) noexcept nogil
        int64_t conv_choices(const fc_conv_geometry *, int, const fc_choice **, int64_t) noexcept nogil
        void affine(int64_t, int64_t, int64_t, const void *, const void *, const void *, void *, int) noexcept nogil
        void channel_sum(int64_t, int64_t, int64_t, const void *, void *, int) noexcept nogil
        int64_t pool_forward_scratch(const fc_pool_geometry *, int, int) noexcept nogil
        void pool_forward(const fc_pool_geometry *, int, const void *, void *, int64_t *, void *, int) noexcept nogil
        int64_t pool_grad_mean_scratch(const fc_pool_geometry *, int) noexcept nogil
        void pool_grad_mean(const fc_pool_geometry *, const void *, void *, void *, int) noexcept nogil
        int64_t pool_scatter(int64_t, int64_t, int64_t, int, const void *, const int64_t *, void *, int) noexcept nogil
        int64_t pool_gather(int64_t, int64_t, int64_t, const void *, const int64_t *, void *, int) noexcept nogil
        void activation(int, int64_t, int64_t, int64_t, const void *, const void *, const void *, void *, double, double, int) noexcept nogil
        void softmax(int, int64_t, int64_t, int64_t, const void *, const void *, const void *, void *, int) noexcept nogil
        void norm_moments(int64_t, int64_t, int64_t, const void *, void *, void *, int) noexcept nogil
        void norm_sums(int64_t, int64_t, int64_t, const void *, const void *, const void *, const void *, const void *, const void *, void *, void *, int) noexcept nogil
        void norm_apply(int64_t, int64_t, int64_t, const void *, const void *, const void *, const void *, const void *, const void *, const void *, const void *, const void *, int, void *, int) noexcept nogil
        void norm_layer(int64_t, int64_t, const void *, const void *, const void *, double, void *, void *, void *, int) noexcept nogil
        void norm_batch(int64_t, int64_t, int64_t, const void *, const void *, const void *, const void *, double, int, void *, void *, void *, void *, int) noexcept nogil
        void norm_fold(int64_t, int64_t, const void *, const void *, const void *, const void *, const void *, const void *, double, void *, void *, int) noexcept nogil
        void norm_batch_grad(int64_t, int64_t, int64_t, const void *, const void *, const void *, const void *, const void *, const void *, const void *, void *, void *, void *, void *, int) noexcept nogil
        void optimise(const fc_step *, int64_t, void *, const void *, void *, void *, void *, int) noexcept nogil
        void reorder(int64_t, int64_t, int64_t, const void *, void *, int) noexcept nogil
        void pick(int64_t, const int64_t *, const int64_t *, const int64_t *, double, const void *, void *, int) noexcept nogil
        void resample(int64_t, int64_t, int64_t, int64_t, const int64_t *, const int64_t *, const void *, const void *, void *, int) noexcept nogil
        void resample_grad(int64_t, int64_t, int64_t, const int64_t *, const int64_t *, const void *, const void *, const void *, void *, void *, int) noexcept nogil
        int64_t separable_scratch(const fc_correlation *, int) noexcept nogil
        int separable(const fc_correlation *, const void *, const void *, const void *, void *, void *, int) noexcept nogil
        int64_t dense_scratch(const fc_correlation *, int) noexcept nogil
        int dense(const fc_correlation *, const void *, const void *, void *, void *, int) noexcept nogil
        int64_t spectral_scratch(const fc_correlation *, int64_t, int) noexcept nogil
        int spectral(const fc_correlation *, int64_t, const void *, const void *, const void *, void *, void *, int) noexcept nogil
        int all_finite(int64_t, const void *, int) noexcept nogil
        double fma_probe(int64_t) noexcept nogil
    const fc_operators *fc_operators_for(int)
    const char *fc_isa_level(int)
    int fc_use_isa(const char *)
    int fc_openmp()
    void fc_set_flush_denormals(int)
    void fc_set_interrupt_check(int (*check)() noexcept nogil)
    int fc_interrupted()
    void fc_survive_forks()
    int fc_threads_allowed()

include "_machine.pxi"
include "_memory.pxi"
include "_conv.pxi"
include "_elementwise.pxi"
include "_prepared.pxi"
include "_calls.pxi"
include "_pool.pxi"
include "_resample.pxi"
include "_correlate.pxi"
include "_norm.pxi"
include "_optimise.pxi"
