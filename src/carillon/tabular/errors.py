"""What can be wrong with a whole file, each with a sentence for whoever sent it."""


class TabularError(Exception):
    """A file cannot be read as a table; its text is a sentence for a person and holds no cell of the file."""


class EmptyFileError(TabularError):
    """The file holds nothing: no bytes, or nothing but a byte order mark and blank lines."""


class NoHeaderError(TabularError):
    """The first record does not name columns."""


class AddressInHeaderError(NoHeaderError):
    """The first record holds an address: the file may have no header."""


class BadColumnsError(TabularError):
    """The columns named for a file without a header are not those of its first record, or it names them itself."""


class UnreadableFileError(TabularError):
    """The file is missing, is not a regular file, may not be read, or is no text."""


class UnknownEncodingError(TabularError):
    """The encoding asked for is unknown or is one that this reader does not take."""


class BadDelimiterError(TabularError):
    """The delimiter asked for is not one plain ASCII character."""


class LostRejectsError(TabularError):
    """The rejects file is shorter than what an earlier run wrote, so it cannot be carried on."""
