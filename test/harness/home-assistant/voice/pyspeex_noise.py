"""In the place of a package for voice that is sources in C++ only: imported, never used."""


class AudioProcessor:
    """Takes noise out of speech."""
