"""Whether the next batch's rows are likely to be new: then asking who is there can be saved (`upsert`)."""


class Hope:
    """Hopes where no earlier batch has met anybody.

    Each time that this was wrong, twice as many batches have to speak for it before it is hoped again.
    """

    def __init__(self) -> None:
        self._calm = 0
        self._needed = 1

    @property
    def expects_new(self) -> bool:
        """Whether it hopes."""
        return self._calm >= self._needed

    def learn(self, *, met_nobody: bool) -> None:
        """Hear what became of a batch."""
        self._calm = self._calm + 1 if met_nobody else 0

    def was_wrong(self) -> None:
        """Hear that a row wasn't new after all."""
        self._calm = 0
        self._needed *= 2
