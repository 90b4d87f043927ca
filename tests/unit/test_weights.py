"""The weight store against a server of the test's own: resuming, verifying, refusing."""

import hashlib
import re
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from nerfkit import download, weights
from nerfkit.errors import UserError

CONTENT = np.random.default_rng(0).bytes(300_000)


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; `broken` answers stop half-way; `ranges` says whether parts can be asked for."""

    broken, ranges, status, content = 0, True, 200, CONTENT
    asked: list

    def do_GET(self):
        cls, start = type(self), 0
        cls.asked.append(self.headers.get("Range"))
        if cls.status != 200:
            self.send_error(cls.status)
            return
        if cls.ranges and "Range" in self.headers:
            start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
        body = cls.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if cls.broken > 0:
            cls.broken -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *arguments):
        """The test's output stays clean."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A registry of one weight that the server has; yields the handler's class."""
    handler = type("Fresh", (Handler,), {"asked": []})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.setitem(weights.WEIGHTS, "tiny", tiny(f"http://127.0.0.1:{http.server_port}/tiny.pt"))
    yield handler
    http.shutdown()
    http.server_close()


def tiny(address):
    return weights.Weight(
        name="tiny",
        file="tiny.pt",
        address=address,
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        licence="none",
        purpose="tests",
        without="stage.backend: embedded",
    )


def test_fetch_installs_a_verified_file_and_nothing_else(server, tmp_path):
    path = weights.fetch("tiny")
    assert path.read_bytes() == CONTENT
    assert weights.weight_path("tiny") == path
    assert {p.name for p in (tmp_path / "store").iterdir()} == {"tiny.pt", "tiny.pt.verified"}
    weights.fetch("tiny")
    assert server.asked == [None]  # what is there is not fetched again


def test_broken_transfer_goes_on_where_it_stopped(server):
    server.broken = 2
    assert weights.fetch("tiny").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=150000-", "bytes=225000-"]


def test_partial_file_of_an_earlier_run_is_resumed(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.broken = 1
    with pytest.raises(UserError, match=r"150,000 of 300,000 bytes.*run the same command again"):
        weights.fetch("tiny")
    assert not (tmp_path / "store" / "tiny.pt").exists()
    assert weights.fetch("tiny").read_bytes() == CONTENT
    assert server.asked[1] == "bytes=150000-"


def test_server_that_cannot_resume_starts_over(server, tmp_path):
    server.ranges = False
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "tiny.pt.part").write_bytes(b"x" * 1000)
    assert weights.fetch("tiny").read_bytes() == CONTENT


def test_wrong_content_is_refused_and_not_installed(server, tmp_path):
    server.content = CONTENT[::-1]
    with pytest.raises(UserError, match=r"not the published file.*nothing was installed"):
        weights.fetch("tiny")
    assert list((tmp_path / "store").iterdir()) == []


def test_too_long_an_answer_is_refused(server, tmp_path):
    server.content = CONTENT + b"more"
    with pytest.raises(UserError, match="more than the 300,000 bytes"):
        weights.fetch("tiny")
    assert not (tmp_path / "store" / "tiny.pt").exists()


def test_http_error_is_one_sentence(server):
    server.status = 404
    with pytest.raises(UserError, match="answers 404"):
        weights.fetch("tiny")


def test_no_connection_is_one_sentence(server, monkeypatch):
    monkeypatch.setitem(weights.WEIGHTS, "tiny", replace(tiny("http://127.0.0.1:9/tiny.pt")))
    with pytest.raises(UserError, match=r"0 of 300,000 bytes.*check the network"):
        weights.fetch("tiny")


def test_no_room_is_noticed_before_the_transfer(server, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(UserError, match="299,000 bytes too little room"):
        weights.fetch("tiny")
    assert server.asked == []


def test_missing_weights_say_what_where_how_and_without(server, tmp_path):
    with pytest.raises(UserError) as caught:
        weights.weight_path("tiny")
    for part in (
        str(tmp_path / "store" / "tiny.pt"),
        "300,000 bytes",
        hashlib.sha256(CONTENT).hexdigest(),
        "python -m nerfkit.weights fetch tiny",
        "stage.backend: embedded",
    ):
        assert part in str(caught.value)


def test_damage_is_found_and_verification_remembered(server, monkeypatch):
    path = weights.fetch("tiny")
    hashed = []
    real = weights.file_sha256
    monkeypatch.setattr(weights, "file_sha256", lambda p: hashed.append(p) or real(p))
    weights.weight_path("tiny")
    assert hashed == []
    path.write_bytes(CONTENT[:-1] + b"\0")
    with pytest.raises(UserError, match="are damaged"):
        weights.weight_path("tiny")
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=r"wrong size \(299,999 bytes\)"):
        weights.weight_path("tiny")


def test_another_build_of_the_same_model_is_accepted(server, tmp_path, monkeypatch):
    other = b"another export"
    entry = replace(weights.WEIGHTS["tiny"], twins=((len(other), hashlib.sha256(other).hexdigest()),))
    monkeypatch.setitem(weights.WEIGHTS, "tiny", entry)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "tiny.pt").write_bytes(other)
    assert weights.weight_path("tiny").read_bytes() == other


def test_command_line(server, capsys):
    assert weights.main(["fetch", "tiny"]) == 0
    assert weights.main(["list"]) == 0
    assert re.search(r"here +tiny +300,000 B", capsys.readouterr().out)
    assert weights.main(["verify"]) == 0
    (weights.store_folder() / "tiny.pt").write_bytes(CONTENT[::-1])
    assert weights.main(["verify"]) == 1
    assert "damaged" in capsys.readouterr().out
    assert weights.main(["fetch", "nothing"]) == 1
    assert "no weights named 'nothing'; there are sam_vit_b" in capsys.readouterr().err


def test_default_store_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("NERFKIT_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.store_folder() == tmp_path / "nerfkit" / "weights"


def test_registry_is_complete_and_consistent():
    assert set(weights.WEIGHTS) == {
        *("sam_vit_b", "sam_vit_l", "sam_vit_h", "big-lama", "vgg16", "alexnet", "squeezenet1_1"),
        *("sam2.1_hiera_tiny", "sam2.1_hiera_small", "sam2.1_hiera_base_plus", "sam2.1_hiera_large"),
        *("dino_vits8", "dino_vitb8", "resnet50v2_imagenet_trunk", "mobilenet_v2_imagenet_features"),
        *("squeezenet1_1_imagenet", "inception_fid"),
        *("clip_vit_b_32", "clip_vit_b_32_laion2b"),
    }
    for weight in weights.WEIGHTS.values():
        for size, sha256 in weight.builds.items():
            assert size > 1_000_000
            assert re.fullmatch("[0-9a-f]{64}", sha256)
        if weight.address is None:
            assert weight.origin
        else:
            assert weight.address.endswith("/" + weight.file)
    for name in ("vgg16", "alexnet", "squeezenet1_1"):
        # torch.hub's convention: the file's name ends in the first eight digits of its sha256
        weight = weights.WEIGHTS[name]
        assert re.search(r"-([0-9a-f]{8})\.pth", weight.file)[1] == weight.sha256[:8]
