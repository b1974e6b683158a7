"""What the fork server imports first: until ``warm.py`` has been, nobody looks for garbage.

What modules are made of is none, and to look through it takes an eighth of the time.
"""

import gc

gc.disable()
