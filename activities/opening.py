"""Opening: claim a trigger, screen it, and prepare the entry; and prepare exits.

All of it leaves nothing at the venue. If the process dies between two lines, the repeat finds
its own claim, its own decision row and its own stored order, and signs nothing again.
"""

from __future__ import annotations
