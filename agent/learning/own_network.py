"""The user's own network, up to the heads: one function of Keras layers, for learning in TensorFlow and acting in ONNX.

    def network(image, vector):
        return keras.layers.Dense(64, activation="relu")(vector)

Its variables are part of the run's flat vector. A variable with the same first values every time is kept as the
difference from them, so it begins with zeros. Any other begins with orthogonal values as large as the user's
initialiser makes them. So the server needs neither TensorFlow nor the user's code.
"""

import logging
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from a3c64.config import BadInputError, named
from a3c64.envs.failures import place_of
from a3c64.envs.own_code import load
from a3c64.learning.layers import WHITE, Size
from a3c64.learning.parameters import ParameterSpec
from a3c64.processes import pin_tensorflow, silence

if TYPE_CHECKING:
    from onnx import ModelProto

TOLERANCE = 1e-3  # relative difference of the network's two forms; above it, the conversion is wrong
MAX_GAIN = 100.0  # of the protocol
MAX_NAME = 40  # characters of a variable's name that are kept
OPSET = 15  # as in agent/learning/graph.py


class OwnNetwork:
    """A network from image and vector to features.

    Args:
        name: module:function.
        image: height, width, channels; zeros without an image.
        vector: its length; 0 without a vector.
        standardised: whether the image has been standardised; else its pixels are divided by the largest one here.

    Raises:
        BadInputError: the function cannot be imported or raises an exception, its result is not a network, or the
            network cannot be converted to ONNX.
    """

    def __init__(self, name: str, image: Size, vector: int, standardised: bool) -> None:
        self._name = name
        shapes = {"image": image if image[2] else (), "vector": (vector,) if vector else ()}
        self._shapes = {part: shape for part, shape in shapes.items() if shape}
        with _quiet():
            function = load("network", name)
            self._model, other = (self._build(function, standardised, seed) for seed in (1, 2))
        self._fixed = [variable.numpy() for variable in self._model.non_trainable_variables]
        self._offsets, specs = [], []
        pairs = zip(self._model.trainable_variables, other.trainable_variables, strict=True)
        for k, (variable, again) in enumerate(pairs):
            first, shape = variable.numpy(), tuple(variable.shape) or (1,)
            same = np.array_equal(first, again.numpy())
            self._offsets.append(first.reshape(shape) if same else np.float32(0.0))
            specs.append(ParameterSpec(f"own/{k}_{variable.name[:MAX_NAME]}", shape, 0.0 if same else _gain(first)))
        self.specs = tuple(specs)
        self.features = int(self._model.output.shape[1])
        self._check()

    def compute(self, inputs: dict[str, Any], parameters: dict[str, Any]) -> Any:
        """Return the features [N, features] as a tensor.

        Args:
            inputs: tensors image [N, H, W, C] and vector [N, n], without those that the environment does not have.
            parameters: tensors by the names of `specs`.
        """
        import tensorflow as tf

        pairs = zip(self.specs, self._offsets, self._model.trainable_variables, strict=True)
        values = [tf.reshape(parameters[spec.name] + offset, own.shape) for spec, offset, own in pairs]
        return self._model.stateless_call(values, self._fixed, inputs, training=False)[0]

    def onnx(self, batch: int | None) -> "ModelProto":
        """Return the network as ONNX for `batch` observations; None = any number.

        Its inputs are image and vector, float32, and the parameters, by the names of `specs`.

        Raises:
            BadInputError: the network cannot be converted.
        """
        with _quiet():
            try:
                return self._converted(batch)
            except ModuleNotFoundError as error:
                raise self._refused(
                    f"it needs {error.name}, which is not installed: pip install 'a3c64[network]'"
                ) from None
            except Exception as error:  # the converter may raise anything
                raise self._refused(f"it cannot be converted to ONNX: {place_of(error)}") from None

    def _converted(self, batch: int | None) -> "ModelProto":
        import tensorflow as tf
        from tf2onnx.convert import from_function

        inputs = {part: tf.TensorSpec((batch, *shape), name=part) for part, shape in self._shapes.items()}
        weights = {spec.name: tf.TensorSpec(spec.shape, name=f"weight_{k}") for k, spec in enumerate(self.specs)}
        signature = (inputs, weights)
        called = tf.function(self.compute, input_signature=signature)
        model, _ = from_function(called, signature, opset=OPSET, custom_op_handlers={"Erfc": (_erfc, [])})
        return model

    def _build(self, function: Callable, standardised: bool, seed: int) -> Any:
        """Call the user's function, with a separate seed for Python's and NumPy's random numbers."""
        import keras

        states = random.getstate(), np.random.get_state()
        random.seed(seed)  # Keras draws the seeds of its initialisers from it
        np.random.seed(seed)
        try:
            inputs = {part: keras.Input(shape, name=part) for part, shape in self._shapes.items()}
            given = dict(inputs)
            if "image" in given and not standardised:
                given["image"] = keras.layers.Rescaling(1.0 / WHITE)(given["image"])
            output = function(given.get("image"), given.get("vector"))
            if not isinstance(output, keras.KerasTensor) or len(output.shape) != 2 or not output.shape[1]:
                raise self._refused(f"it must return features [batch, features] of Keras layers, found {output!r:.80}")
            return keras.Model(inputs, output)
        except BadInputError:
            raise
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            raise self._refused(f"it raised {place_of(error)}") from None
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])

    def _check(self) -> None:
        """Compare TensorFlow's features with ONNX Runtime's, for random inputs and parameters."""
        import onnxruntime
        import tensorflow as tf

        generator = np.random.default_rng(0)
        largest = {"image": WHITE, "vector": 1.0}
        inputs = {
            part: generator.uniform(0.0, largest[part], (2, *shape)).astype(np.float32)
            for part, shape in self._shapes.items()
        }
        weights = {spec.name: generator.normal(0.0, 0.1, spec.shape).astype(np.float32) for spec in self.specs}
        model = self.onnx(2)
        try:
            session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has many exceptions for a model that it does not understand
            raise self._refused(f"it cannot be converted to ONNX: {place_of(error)}") from None
        names = dict(zip((f"weight_{k}" for k in range(len(self.specs))), weights.values(), strict=True)) | inputs
        found = session.run(None, {one.name: names[one.name] for one in session.get_inputs()})[0]
        with _quiet():
            expected = self.compute(
                {part: tf.constant(value) for part, value in inputs.items()},
                {name: tf.constant(value) for name, value in weights.items()},
            ).numpy()
        worst = float(np.abs(found - expected).max() / max(1e-6, np.abs(expected).max()))
        if not worst <= TOLERANCE:
            raise self._refused(f"its ONNX form must compute the same features, found a difference of {worst:.1g}")

    def _refused(self, reason: str) -> BadInputError:
        return BadInputError(f"{named('network')}: {self._name}: {reason}")


@lru_cache(maxsize=4)
def own_network(name: str, image: Size, vector: int, standardised: bool) -> OwnNetwork:
    """Return the user's network; the same one for the same arguments."""
    os.environ.update({"KERAS_BACKEND": "tensorflow"})  # before Keras is imported
    with suppress(RuntimeError):  # TensorFlow has been used in this process already
        pin_tensorflow()
    import tensorflow as tf

    # This optimisation gains nothing for gradients, and reports an error where Keras' LeakyReLU is differentiated.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    return OwnNetwork(name, image, vector, standardised)


def _gain(values: np.ndarray) -> float:
    """Return the gain of orthogonal values that are as large as these."""
    columns = values.shape[-1]
    largest = max(columns, values.size // columns)
    return min(MAX_GAIN, round(float(np.sqrt(np.mean(np.square(values)) * largest)), 4))


@contextmanager
def _quiet() -> Iterator[None]:
    """Discard the messages of TensorFlow and of the converter; exceptions are not affected."""
    logger = logging.getLogger("tf2onnx")
    logger.setLevel(logging.CRITICAL + 1)
    with silence():
        yield


def _erfc(graph: Any, node: Any, name: str, arguments: Sequence[Any]) -> None:
    """Convert Erfc, which the exact GELU uses and tf2onnx does not know."""
    from tf2onnx import utils

    output, shape, kind = node.output[0], graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    one = graph.make_const(utils.make_name("one"), np.array(1.0, np.float32)).output[0]
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [node.input[0]], shapes=[shape], dtypes=[kind]).output[0]
    graph.make_node("Sub", [one, erf], outputs=[output], name=name, shapes=[shape], dtypes=[kind])
