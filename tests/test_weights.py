"""One reader of weight files: every kind of bad file, made by hand, and what is said of it."""

import io
import pickle
import re
import zipfile
from collections import OrderedDict

import pytest
import torch
from torch.utils.serialization import config

from speechlip.errors import ModelError
from speechlip.files.weights import fill, read_saved, read_tensors

WANTED = "give the file that is published"
TENSORS = {"conv.weight": torch.arange(600.0).reshape(20, 30), "conv.bias": torch.full((20,), 2.0)}


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return open, (self.mark, "w")


def saved(state, zipped=True):
    content = io.BytesIO()
    torch.save(state, content, _use_new_zipfile_serialization=zipped)
    return content.getvalue()


def as_zip(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"archive/{name}", data)
    return content.getvalue()


def refusal(tmp_path, content, read=read_tensors, **how):
    """What is said of a file, the same for its bytes, between its name and what was wanted."""
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    said = []
    for given in (None, content):
        with pytest.raises(ModelError) as error:
            read(file, WANTED, given, **how)
        said.append(re.fullmatch(rf"{re.escape(str(file))} (.*); {WANTED}", str(error.value))[1])
    assert said[0] == said[1]
    return said[0]


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_come_back_bit_for_bit(tmp_path, zipped):
    file = tmp_path / "weights.pth"
    file.write_bytes(saved(OrderedDict(TENSORS), zipped))
    for content in (None, file.read_bytes()):
        read = read_tensors(file, WANTED, content, finite=True)
        assert list(read) == list(TENSORS) and all(torch.equal(read[name], TENSORS[name]) for name in read)


def test_safetensors_are_tensors_too(tmp_path):
    from safetensors.torch import save_file

    file = tmp_path / "model.safetensors"
    save_file(TENSORS, file)
    for content in (None, file.read_bytes()):
        assert torch.equal(read_tensors(file, WANTED, content)["conv.bias"], TENSORS["conv.bias"])
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ModelError, match=rf"model\.safetensors cannot be read \(.*\); {WANTED}"):
        read_tensors(file, WANTED)


def test_what_a_run_saves_is_read(tmp_path):
    state = {"optimizer": {"state": {0: {"step": torch.ones(())}}, "param_groups": [{"lr": 1e-3}]}, "step": 7}
    assert read_saved(tmp_path / "unread", WANTED, saved(state)) == state
    assert refusal(tmp_path, saved(state)) == "holds dict under 'optimizer', not tensors by name"


@pytest.mark.parametrize("read", [read_saved, read_tensors])
@pytest.mark.parametrize("kind", ["zip", "old", "pickle 2", "pickle 4", "bare zip", "not under a name"])
def test_code_is_not_run(tmp_path, kind, read):
    harm = Harm(tmp_path / "ran")
    content = {
        "zip": lambda: saved({**TENSORS, "extra": harm}),
        "old": lambda: saved({**TENSORS, "extra": harm}, zipped=False),
        "pickle 2": lambda: pickle.dumps({"extra": harm}, 2),
        "pickle 4": lambda: pickle.dumps({"extra": harm}, 4),
        "bare zip": lambda: as_zip(**{"data.pkl": pickle.dumps(harm, 2), "version": b"3\n"}),
        "not under a name": lambda: saved(harm),
    }[kind]()
    assert refusal(tmp_path, content, read) == (
        "holds more than tensors and numbers, perhaps code; it was not run"
    )
    assert not (tmp_path / "ran").exists()
    pickle.loads(pickle.dumps(harm)).close()
    assert (tmp_path / "ran").exists()  # it would have been written


def test_a_program_is_told_apart(tmp_path, recwarn):
    program = io.BytesIO()
    with pytest.warns(FutureWarning, match="torch.jit"):
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), program)
    assert refusal(tmp_path, program.getvalue()) == "is a TorchScript program, which is not run"
    assert not [each for each in recwarn if issubclass(each.category, UserWarning)]


def test_a_zip_that_is_damaged_or_cut_off(tmp_path):
    whole = saved(TENSORS)
    assert refusal(tmp_path, whole[: len(whole) // 2]) == "is damaged or cut off (File is not a zip file)"
    at = whole.index(TENSORS["conv.weight"].numpy().tobytes()[:64])
    flipped = whole[: at + 5] + bytes([whole[at + 5] ^ 64]) + whole[at + 6 :]
    assert torch.load(io.BytesIO(flipped), weights_only=True)["conv.weight"][0, 1] != 1  # torch sees nothing
    assert refusal(tmp_path, flipped).startswith("is damaged or cut off (Bad CRC-32 for file")
    assert refusal(tmp_path, as_zip(other=b"")).startswith("cannot be read (")


def test_a_zip_without_checksums_is_read():
    with config.patch("save.compute_crc32", False):
        content = saved(TENSORS)
    assert zipfile.ZipFile(io.BytesIO(content)).testzip()
    assert torch.equal(read_tensors("unread", WANTED, content)["conv.bias"], TENSORS["conv.bias"])


def test_an_old_file_that_is_cut_off(tmp_path):
    whole = saved(TENSORS, zipped=False)
    for length in (2, 30, 100, len(whole) // 2, len(whole) - 1):
        assert refusal(tmp_path, whole[:length]).startswith("cannot be read (")


@pytest.mark.parametrize("content", [b"", b"\0" * 999, b"<html>not found</html>", b"P", b"\x89HDF\r\n"])
def test_what_torch_did_not_write(tmp_path, content):
    assert refusal(tmp_path, content) == "is no file that torch.save wrote"


def test_what_is_not_there(tmp_path):
    for path, why in ((tmp_path / "none.pth", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ModelError, match=rf"{path} cannot be read \({why}.*\); {WANTED}"):
            read_tensors(path, WANTED)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ([1, 2], "holds list, not tensors by name"),
        (torch.ones(2), "holds Tensor, not tensors by name"),
        ({"epoch": 3}, "holds int under 'epoch', not tensors by name"),
        ({3: torch.ones(2)}, "holds Tensor under 3, not tensors by name"),
    ],
)
def test_what_is_no_dict_of_tensors(tmp_path, state, said):
    assert refusal(tmp_path, saved(state)) == said


@pytest.mark.parametrize("number", [float("nan"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused_where_asked(tmp_path, number):
    content = saved({**TENSORS, "bad": torch.tensor([1.0, number])})
    assert len(read_tensors("unread", WANTED, content)) == 3
    assert refusal(tmp_path, content, finite=True) == "is damaged: bad holds numbers that are not finite"


def test_a_shape_that_claims_more_than_memory_has(tmp_path):
    content = saved({"vast": torch.zeros(1).expand(10**15)})
    assert len(content) < 2000
    assert refusal(tmp_path, content, finite=True).startswith("cannot be read (")


def test_a_network_is_filled_or_refuses(tmp_path):
    network = torch.nn.ModuleDict({"conv": torch.nn.Linear(30, 20)})
    fill(network, TENSORS, "weights.pth", WANTED)
    assert torch.equal(network["conv"].weight, TENSORS["conv.weight"])
    for tensors, what in (
        ({}, 'Missing key.* "conv.weight", "conv.bias"'),
        ({**TENSORS, "x": torch.ones(1)}, 'Unexpected key.* "x"'),
        ({**TENSORS, "conv.bias": torch.ones(3)}, "size mismatch for conv.bias: .*3"),
    ):
        with pytest.raises(ModelError, match=rf"w\.pth holds weights of another network: {what}.*; {WANTED}"):
            fill(network, tensors, "w.pth", WANTED)
