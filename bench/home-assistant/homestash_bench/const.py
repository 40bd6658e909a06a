"""What the files of this integration share."""

from typing import Final

DOMAIN: Final = "homestash_bench"
MIB: Final = 1024 * 1024
