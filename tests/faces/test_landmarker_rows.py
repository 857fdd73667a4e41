"""PReLU along rows gives every number as before: of the landmark network, and of layers computed by hand."""

import zipfile

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from speechlip import assets
from speechlip.faces.detectors.landmarker.networks import DETECTOR, LANDMARKS
from speechlip.faces.detectors.landmarker.rows import prelu_in_rows

RANDOM = np.random.default_rng(0)


def test_the_landmark_network_gives_the_same_bytes(face_model):
    with zipfile.ZipFile(assets.path("face_landmarker")) as task:
        content = task.read(LANDMARKS)
    changed = prelu_in_rows(content)
    assert (count(content, "PRELU"), count(content, "RESHAPE")) == (69, 1)
    assert (count(changed, "PRELU"), count(changed, "RESHAPE")) == (69, 1 + 2 * 64)
    for image in (RANDOM.random((1, 256, 256, 3), np.float32), np.zeros((1, 256, 256, 3), np.float32)):
        for ours, theirs in zip(outputs(changed, image), outputs(content, image), strict=True):
            assert ours.tobytes() == theirs.tobytes()


def test_a_network_without_prelu_stays_as_it_is(face_model):
    with zipfile.ZipFile(assets.path("face_landmarker")) as task:
        content = task.read(DETECTOR)
    changed = prelu_in_rows(content)
    assert operators(changed) == operators(content)
    image = RANDOM.random((1, 128, 128, 3), np.float32)
    for ours, theirs in zip(outputs(changed, image), outputs(content, image), strict=True):
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("stored", [np.float32, np.float16])
@pytest.mark.parametrize(
    ("height", "width", "channels", "in_rows"), [(3, 40, 8, 1), (5, 4, 100, 1), (9, 4, 8, 0)]
)
def test_every_number_is_multiplied_by_the_slope_of_its_channel(stored, height, width, channels, in_rows):
    slopes = RANDOM.normal(size=channels).astype(stored)
    layer = RANDOM.normal(size=(1, height, width, channels)).astype(np.float32)
    layer[0, 0, 0, :3] = 0.0, -0.0, np.float32(1e-40)
    content = one_prelu(layer.shape, slopes)
    changed = prelu_in_rows(content)
    assert count(changed, "RESHAPE") == 2 * in_rows
    (result,) = outputs(changed, layer)
    assert np.array_equal(result, np.where(layer < 0, layer * slopes.astype(np.float32), layer))


def test_slopes_that_are_computed_are_left():
    content = one_prelu((1, 3, 40, 8), None)
    assert operators(prelu_in_rows(content)) == ["PRELU"]


def one_prelu(shape, slopes):
    """A model of one PReLU layer; slopes of float16 are stored so; None: they are an input too."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.operatorCodes, model.buffers, model.subgraphs = 3, [], [schema.BufferT()], [graph]
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [0], [1]

    def tensor(shape, kind=schema.TensorType.FLOAT32, values=None):
        new = schema.TensorT()
        new.name, new.shape, new.type, new.buffer = b"", list(shape), kind, 0
        if values is not None:
            new.buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
        graph.tensors.append(new)
        return len(graph.tensors) - 1

    def operator(kind, inputs, outputs):
        code, new = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = 1
        new.opcodeIndex, new.inputs, new.outputs = len(model.operatorCodes), inputs, outputs
        model.operatorCodes.append(code)
        graph.operators.append(new)

    layer, result = tensor(shape), tensor(shape)
    channels = (1, 1, shape[3])
    if slopes is None:
        given = tensor(channels)
        graph.inputs = [layer, given]
    elif slopes.dtype == np.float16:
        given = tensor(channels)
        half = tensor(channels, schema.TensorType.FLOAT16, slopes)
        operator(schema.BuiltinOperator.DEQUANTIZE, [half], [given])
    else:
        given = tensor(channels, values=slopes)
    operator(schema.BuiltinOperator.PRELU, [layer, given], [result])
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def operators(content):
    """Names of the operators, in their order."""
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    codes = [names[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in model.operatorCodes]
    return [codes[each.opcodeIndex] for each in model.subgraphs[0].operators]


def count(content, name):
    return operators(content).count(name)


def outputs(content, image):
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]
