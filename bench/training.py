"""Networks and training steps of fastconv and its peers: one step is forward, backward and Adam on one batch."""

import importlib

import numpy as np

BATCH, CLASSES = 64, 10
NETWORKS = ("cifar10", "resnet20")


# Images (N, 3, 32, 32) and labels (N,).
def batch(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((BATCH, 3, 32, 32), np.float32), rng.integers(0, CLASSES, BATCH)


# Conv 32, 64, 128, each with ReLU and a pool, Dense 512: `nn` is fastconv.nn or torch.nn.
def cifar10(nn):
    layers, channels = [], 3
    for width in (32, 64, 128):
        layers += [nn.Conv2d(channels, width, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, CLASSES))


# Three stages of three blocks each: He et al. 2015, with 1x1 convolutions where the shape changes.
# `finish(norm, x, residual)` is relu(norm(x) + residual), as the library has it.
def resnet20(nn, finish):
    class Block(nn.Module):
        def __init__(self, channels, width, stride):
            super().__init__()
            conv = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
            last = nn.Conv2d(width, width, 3, 1, 1, bias=False)
            self.body = nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(), last)
            self.norm = nn.BatchNorm2d(width)
            same = channels == width
            self.shortcut = nn.Identity() if same else nn.Conv2d(channels, width, 1, stride, bias=False)

        def forward(self, x):
            return finish(self.norm, self.body(x), self.shortcut(x))

    layers, channels = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for width in (16, 32, 64):
        for number in range(3):
            layers.append(Block(channels, width, 2 if number == 0 and width > 16 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))


class FastConv:
    name = "fastconv"

    def start(self, threads):
        self.lib = importlib.import_module("fastconv")
        self.lib.set_num_threads(threads)
        self.version = self.lib.__version__

    def model(self, network):
        if network == "cifar10":
            return cifar10(self.lib.nn)
        return resnet20(self.lib.nn, lambda norm, x, residual: norm(x, activation="relu", residual=residual))

    def step(self, network):
        model = self.model(network).train()
        optimizer = self.lib.optim.Adam(model.parameters(), lr=1e-4)
        x, y = batch()

        def step():
            loss = self.lib.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step


class PyTorch:
    name, fused, channels_last = "PyTorch", False, False

    def start(self, threads):
        self.lib = importlib.import_module("torch")
        self.lib.set_num_threads(threads)
        self.version = self.lib.__version__

    def model(self, network):
        nn = self.lib.nn
        if network == "cifar10":
            return cifar10(nn)
        return resnet20(nn, lambda norm, x, residual: nn.functional.relu(norm(x) + residual))

    # The batch is in the network's own layout before the clock starts.
    def step(self, network):
        torch = self.lib
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        model = self.model(network).train().to(memory_format=layout)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=self.fused)
        x, y = (torch.from_numpy(array) for array in batch())
        x = x.contiguous(memory_format=layout)

        def step():
            loss = torch.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step


class PyTorchFused(PyTorch):
    name, fused = "PyTorch fused Adam", True


class PyTorchChannelsLast(PyTorchFused):
    name, channels_last = "PyTorch channels_last", True


class Keras:
    """`train_on_batch` on TensorFlow, compiled as Keras has it by default, before the clock starts."""

    name = "Keras/TensorFlow"

    def start(self, threads):
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        self.keras = tensorflow.keras
        self.version = tensorflow.__version__

    def step(self, network):
        model = getattr(self, network)(self.keras.layers)
        optimizer = self.keras.optimizers.Adam(1e-4)
        loss = self.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss)
        x, y = batch()
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))

        def step():
            return model.train_on_batch(x, y)

        step()
        return step

    def cifar10(self, layers):
        model = [self.keras.Input((32, 32, 3))]
        for width in (32, 64, 128):
            model += [layers.Conv2D(width, 3, activation="relu"), layers.MaxPooling2D(2)]
        model += [layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dense(CLASSES)]
        return self.keras.Sequential(model)

    def resnet20(self, layers):
        def conv(x, width, size, stride=1):
            return layers.Conv2D(width, size, stride, "same", use_bias=False)(x)

        def norm(x):
            return layers.BatchNormalization()(x)

        inputs = self.keras.Input((32, 32, 3))
        x = layers.ReLU()(norm(conv(inputs, 16, 3)))
        for width in (16, 32, 64):
            for number in range(3):
                stride = 2 if number == 0 and width > 16 else 1
                shortcut = x if x.shape[-1] == width else conv(x, width, 1, stride)
                inner = layers.ReLU()(norm(conv(x, width, 3, stride)))
                x = layers.ReLU()(norm(conv(inner, width, 3)) + shortcut)
        outputs = layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x))
        return self.keras.Model(inputs, outputs)


CONTENDERS = (FastConv, PyTorch, PyTorchFused, PyTorchChannelsLast, Keras)
