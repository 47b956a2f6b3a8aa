"""A seeded source of sizes, parameters and arrays; sizes are small, prime, round or just beside round."""

import random

import numpy as np

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 15, 16, 17, 19, 23, 24, 29, 31, 32, 33, 37, 40)


class Draw:
    """Draws follow from the seed alone; `rank` is the number of spatial axes of the operation."""

    def __init__(self, dtype, seed, rank):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.dtype = np.dtype(dtype)
        self.rank = rank

    def integer(self, low, high):
        return self.random.randint(low, high)

    def chance(self, probability=0.5):
        return self.random.random() < probability

    def choice(self, *options):
        return self.random.choice(options)

    def size(self, most=40):
        return self.random.choice([size for size in SIZES if size <= most])

    def axes(self, low, high):
        """One integer, or one per spatial axis."""
        if self.chance(0.4):
            return self.integer(low, high)
        return tuple(self.integer(low, high) for _ in range(self.rank))

    def spatial(self, most=40):
        """Extents of the spatial axes, one of them up to `most`, the others such that few cells result."""
        others = (most, most, 9)[self.rank - 1]
        extents = [self.size(min(most, others)) for _ in range(self.rank)]
        if self.rank == 3 and self.chance(0.3):
            extents[self.integer(0, 2)] = self.size(most)
        return tuple(extents)

    def batch(self):
        """() is unbatched."""
        return self.choice((), (1,), (2,), (3,))

    def shape(self, low=0, high=4, most=7):
        return tuple(self.size(most) for _ in range(self.integer(low, high)))

    def normal(self, *shape):
        return np.asarray(self.numbers.standard_normal(shape), self.dtype)

    def positive(self, *shape):
        return np.asarray(self.numbers.uniform(0.5, 2, shape), self.dtype)

    def unit(self, *shape):
        return np.asarray(self.numbers.uniform(0.01, 0.99, shape), self.dtype)

    def ties(self, *shape):
        """Few different values, so that extremes are equal."""
        return np.asarray(self.numbers.integers(-3, 4, shape), self.dtype)

    def apart(self, *shape):
        """Values so far apart that rounding makes no ties."""
        return (self.numbers.permutation(int(np.prod(shape))).reshape(shape) / 16 - 8).astype(self.dtype)

    def labels(self, classes, *shape):
        return np.asarray(self.numbers.integers(0, classes, shape))
