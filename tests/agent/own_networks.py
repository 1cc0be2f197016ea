"""Networks of a user, of many kinds of Keras layers."""

import keras
from keras import layers


def same_as_default(image, vector):
    """The default network for images, layer by layer."""
    for filters, kernel, stride in ((16, 4, 4), (32, 3, 2), (32, 3, 2)):
        image = layers.Conv2D(filters, kernel, stride, padding="same", activation="leaky_relu")(image)
    return layers.Dense(256, activation="relu")(layers.Flatten()(image))


def attention(image, vector):
    x = layers.Reshape((-1, 8))(layers.Conv2D(8, 6, 6)(image))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    return layers.GlobalAveragePooling1D()(x)


def recurrent(image, vector):
    """Recurrence over the parts of one observation. The LSTM's bias begins with ones for the forget gate."""
    return layers.GRU(6)(layers.LSTM(5, return_sequences=True)(layers.Reshape((4, 1))(vector)))


def gelu(image, vector):
    return layers.Dense(7, activation="silu")(layers.Dense(8, activation="gelu")(vector))


def both(image, vector):
    x = layers.SeparableConv2D(4, 3, 2, activation="elu")(image)
    x = layers.BatchNormalization()(layers.MaxPooling2D()(x))
    x = layers.GlobalMaxPooling2D()(layers.Dropout(0.5)(x))
    return keras.ops.concatenate([x, keras.ops.tanh(layers.Dense(3)(vector))], axis=-1)


def not_a_network(image, vector):
    return vector.shape


def a_picture(image, vector):
    return layers.Conv2D(3, 3)(image)


def broken(image, vector):
    return layers.Dense(units="many")(vector)


def without_onnx(image, vector):
    """An operation that the converter does not know."""
    return layers.Lambda(lambda x: keras.ops.fft((x, x))[0], output_shape=lambda shape: shape)(vector)
