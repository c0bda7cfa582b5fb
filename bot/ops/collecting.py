"""How often unused objects are looked for: rarely, and never among those that were there at the start."""

import gc

# Young objects before a look at them, and looks before one at the older. What most of an update makes goes
# away by itself when nobody refers to it any more; only circles wait for a look.
YOUNG, OLDER, OLDEST = 20_000, 20, 20


def settle() -> None:
    """To be called when everything is loaded and open: that stays, and need not be looked through again.

    A look at all objects of the running service takes a tenth of a second, in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)
