"""In the place of a package for voice that is sources in C++ only: imported, never used."""


class MicroVad:
    """Tells speech from silence."""
