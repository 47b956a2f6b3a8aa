"""NumPy's own functions under the names of fastconv's arithmetic."""

import numpy as np

add, sub, mul, div = np.add, np.subtract, np.multiply, np.divide
pow, neg, matmul, exp, log, sqrt = np.power, np.negative, np.matmul, np.exp, np.log, np.sqrt
abs = np.abs
