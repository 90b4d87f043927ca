"""How a process that trains or renders uses the machine."""

import ctypes
import os
import platform

import numba
import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt


def use_threads(count: int) -> None:
    """Use `count` threads, and keep freed memory for the next step.

    A step allocates and frees some ten megabytes; handed back to the kernel each time, their page faults
    cost about a tenth of it. Waiting threads should sleep rather than spin, which OpenMP reads from
    OMP_WAIT_POLICY before it starts: the Snakefile sets it.
    """
    threads = max(1, min(count, os.cpu_count() or 1))
    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
