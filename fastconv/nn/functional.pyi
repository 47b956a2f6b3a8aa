from ..ops import *
