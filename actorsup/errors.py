"""The errors that users meet: each names the file or key, what was found and the remedy."""


class ActorsupError(Exception):
    """Something a user can mend; shown as one line, without a traceback."""


class ConfigError(ActorsupError):
    """A setting that cannot be used."""


class DataError(ActorsupError):
    """An input file that cannot be used as a whole (annotations, weights, tables)."""


class VideoError(ActorsupError):
    """One video that cannot be used; it is recorded in failures.csv and the others go on."""
