"""Well-known networks, each written once for fastconv.nn and torch.nn; `join` concatenates arrays along an axis."""


def conv(nn, channels, width, size=3, stride=1, groups=1, activation=None):
    """Convolution without bias, batch normalisation, activation."""
    layers = [nn.Conv2d(channels, width, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers, *([] if activation is None else [activation()]))


def head(nn, channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000)]


def shortcut(nn, body, beside=None, activation=None):
    """activation(body(x) + beside(x)), beside being x itself if it is None."""

    class Shortcut(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.beside = body, beside or nn.Identity()
            self.activation = activation() if activation else nn.Identity()

        def forward(self, x):
            return self.activation(self.body(x) + self.beside(x))

    return Shortcut()


# He et al. 2015; Xie et al. 2017 with groups.
def resnet(nn, blocks, expansion=1, groups=1):
    layers, channels = [conv(nn, 3, 64, 7, 2, activation=nn.ReLU), nn.MaxPool2d(3, 2, 1)], 64
    for stage, count in enumerate(blocks):
        for number in range(count):
            inner, stride = 64 << stage, 2 if stage and not number else 1
            width, wide = inner * expansion, inner * (2 if groups > 1 else 1)
            if expansion == 1:
                body = conv(nn, channels, width, 3, stride, 1, nn.ReLU), conv(nn, width, width)
            else:
                first = conv(nn, channels, wide, 1, activation=nn.ReLU)
                body = first, conv(nn, wide, wide, 3, stride, groups, nn.ReLU), conv(nn, wide, width, 1)
            beside = conv(nn, channels, width, 1, stride) if channels != width or stride > 1 else None
            layers.append(shortcut(nn, nn.Sequential(*body), beside, nn.ReLU))
            channels = width
    return nn.Sequential(*layers, *head(nn, channels))


# x times what a bottleneck of its mean says: Hu et al. 2018.
def excite(nn, channels, inner):
    class Excite(nn.Module):
        def __init__(self):
            super().__init__()
            layers = nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, inner, 1), nn.SiLU(), nn.Conv2d(inner, channels, 1)
            self.gate = nn.Sequential(*layers, nn.Sigmoid())

        def forward(self, x):
            return x * self.gate(x)

    return Excite()


# Sandler et al. 2018, Tan and Le 2019. stages: (expansion, width, blocks, stride, size).
def inverted(nn, stages, activation, excited):
    layers, channels = [conv(nn, 3, 32, 3, 2, activation=activation)], 32
    for expansion, width, count, step, size in stages:
        for number in range(count):
            stride, inner = step if number == 0 else 1, channels * expansion
            body = [] if expansion == 1 else [conv(nn, channels, inner, 1, activation=activation)]
            body.append(conv(nn, inner, inner, size, stride, inner, activation))
            if excited:
                body.append(excite(nn, inner, channels // 4))
            body = nn.Sequential(*body, conv(nn, inner, width, 1))
            layers.append(shortcut(nn, body) if stride == 1 and channels == width else body)
            channels = width
    return nn.Sequential(*layers, conv(nn, channels, 1280, 1, activation=activation), *head(nn, 1280))


MOBILE = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
EFFICIENT = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
             (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]  # fmt: skip


# Simonyan and Zisserman 2015.
def vgg11(nn, join):
    layers, channels = [], 3
    for width in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
        channels = width or channels
    dense = [nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)]
    return nn.Sequential(*layers, nn.Flatten(), *dense)


# Ronneberger et al. 2015, with normalisation and padding.
def unet(nn, join, widths=(32, 64, 128, 256)):
    def twice(channels, width):
        return nn.Sequential(*(conv(nn, n, width, activation=nn.ReLU) for n in (channels, width)))

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.ModuleList([twice(n, width) for n, width in zip((3, *widths), widths)])
            self.pool, self.middle = nn.MaxPool2d(2), twice(widths[-1], 2 * widths[-1])
            self.grow = nn.ModuleList([nn.ConvTranspose2d(2 * n, n, 2, 2) for n in reversed(widths)])
            self.up = nn.ModuleList([twice(2 * n, n) for n in reversed(widths)])
            self.last = nn.Conv2d(widths[0], 2, 1)

        def forward(self, x):
            seen = []
            for layer in self.down:
                seen.append(layer(x))
                x = self.pool(seen[-1])
            x = self.middle(x)
            for grow, layer in zip(self.grow, self.up):
                x = layer(join([seen.pop(), grow(x)], 1))
            return self.last(x)

    return UNet()


# The generator of Radford et al. 2016.
def dcgan(nn, join):
    layers, channels = [], 100
    for width, stride, padding in ((512, 1, 0), (256, 2, 1), (128, 2, 1), (64, 2, 1)):
        layers.append(nn.ConvTranspose2d(channels, width, 4, stride, padding, bias=False))
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False), nn.Tanh())


NETWORKS = {
    "resnet18": lambda nn, join: resnet(nn, (2, 2, 2, 2)),
    "resnet50": lambda nn, join: resnet(nn, (3, 4, 6, 3), 4),
    "resnext50": lambda nn, join: resnet(nn, (3, 4, 6, 3), 4, 32),
    "vgg11": vgg11,
    "mobilenet_v2": lambda nn, join: inverted(nn, [(*stage, 3) for stage in MOBILE], nn.ReLU6, False),
    "efficientnet_b0": lambda nn, join: inverted(nn, EFFICIENT, nn.SiLU, True),
    "unet": unet,
    "dcgan": dcgan,
}
SHAPES = dict.fromkeys(NETWORKS, (3, 224, 224)) | {"unet": (3, 128, 128), "dcgan": (100, 1, 1)}
