"""A fully convolutional network takes noise out of photographs: trained on pieces, used at any size."""

import common
import numpy as np
from matplotlib.figure import Figure

import fastconv
from fastconv import nn
from fastconv.train import Trainer

NOISE = 0.12


def noisy(images, seed):
    """Images of 0 to 1 with Gaussian noise."""
    return images + np.random.default_rng(seed).normal(0, NOISE, images.shape).astype(np.float32)


class Denoiser(nn.Module):
    """Predicts the noise and takes it away."""

    def __init__(self, width=24, depth=4):
        inner = [layer for _ in range(depth) for layer in (nn.Conv2d(width, width, 3, padding=1), nn.ReLU())]
        self.noise = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), *inner, nn.Conv2d(width, 3, 3, padding=1)
        )

    def forward(self, x):
        return x - self.noise(x)


def decibels(a, b):
    """Peak signal-to-noise ratio."""
    return -10 * np.log10(np.mean((a - b) ** 2))


given = common.options(__doc__)
clean = common.patches(64 if given.quick else 1500, 40, "left")[0] / np.float32(255)
nn.init.manual_seed(0)
trainer = Trainer(Denoiser(), loss="mse", metrics=(), lr=0.002, seed=0)
trainer.fit(noisy(clean, 0), clean, 1 if given.quick else 10, 32)

whole = common.photographs()[1][:, 100:340, 440:].astype(np.float32) / 255  # a part that training never saw
before = noisy(whole, 1)
with fastconv.no_grad():
    after = trainer.model(before[None]).numpy()[0]
print(f"noisy {decibels(whole, before):.1f} dB, denoised {decibels(whole, after):.1f} dB")

figure = Figure(figsize=(12, 5), layout="constrained")
titles = (
    "original",
    f"noisy, {decibels(whole, before):.1f} dB",
    f"denoised, {decibels(whole, after):.1f} dB",
)
for axes, image, title in zip(figure.subplots(1, 3), (whole, before, after), titles, strict=True):
    axes.imshow(np.clip(np.moveaxis(image, 0, 2), 0, 1))
    axes.set_title(title)
    axes.axis("off")
figure.savefig(given.out / "denoise.png")
