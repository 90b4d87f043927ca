"""Fixtures of the whole suite, which runs on one OpenMP thread: more would spin and slow small tests down."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the Snakefile."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the real captures and weights; a test that asks for it is skipped where there is none."""
    folder = os.environ.get("NERFKIT_SHARED")
    if not folder:
        pytest.skip("NERFKIT_SHARED names no folder with real captures")
    if not Path(folder, "data").is_dir():
        pytest.skip(f"NERFKIT_SHARED is {folder}, which has no data folder")
    return Path(folder).resolve()


@pytest.fixture
def one_thread():
    """PyTorch on one thread, whatever the environment says: small pictures are slower on more."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
