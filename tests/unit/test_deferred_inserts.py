"""Several plain INSERTs as one statement (`Tx.defer`)."""

from carillon.db.sql import side_by_side

ONE = "INSERT INTO a (x, y) SELECT $1, u.y FROM unnest($2::text[]) AS u (y) -- of $3"
TEN = "INSERT INTO b VALUES ($1, $10)"


def test_parameters_follow_each_other_and_a_comment_ends_with_its_line() -> None:
    assert side_by_side(((TEN, 10), (ONE, 2), ("INSERT INTO c VALUES ($1)", 1))) == (
        "WITH p0 AS (INSERT INTO b VALUES ($1, $10)\n), "
        "p1 AS (INSERT INTO a (x, y) SELECT $11, u.y FROM unnest($12::text[]) AS u (y) -- of $13\n)\n"
        "INSERT INTO c VALUES ($13)"
    )
