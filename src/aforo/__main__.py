"""`python -m aforo`: the same as the command `aforo`."""

import sys

from aforo.app.main import main

sys.exit(main())
