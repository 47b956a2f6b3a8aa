"""`python -m differential OPERATION DTYPE SEED` repeats one call and says how it differs."""

import sys

from . import check, draw_case

case = draw_case(sys.argv[1], sys.argv[2], int(sys.argv[3]))
print(case)
check(case)
print("agrees")
