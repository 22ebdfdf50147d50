"""Several plain INSERTs as one statement (`Tx.defer`), with what is assumed (`Tx.assume`), and those of one row."""

from carillon.db.sql import of_one_row, side_by_side

ONE = "INSERT INTO a (x, y) SELECT $1, u.y FROM unnest($2::text[]) AS u (y) -- of $3"
TEN = "INSERT INTO b VALUES ($1, $10)"


def test_parameters_follow_each_other_and_a_comment_ends_with_its_line() -> None:
    assert side_by_side(((TEN, 10), (ONE, 2), ("INSERT INTO c VALUES ($1)", 1))) == (
        "WITH p0 AS (INSERT INTO b VALUES ($1, $10)\n), "
        "p1 AS (INSERT INTO a (x, y) SELECT $11, u.y FROM unnest($12::text[]) AS u (y) -- of $13\n)\n"
        "INSERT INTO c VALUES ($13)"
    )


def test_rows_are_written_if_all_that_is_assumed_is_true() -> None:
    assert side_by_side(((ONE, 2),), (("SELECT $1 = $2", 2), ("SELECT $1", 1))) == (
        "WITH assumed AS MATERIALIZED (SELECT (SELECT $1 = $2\n) AND (SELECT $3\n) AS holds), "
        "p0 AS (INSERT INTO a (x, y) SELECT $4, u.y FROM unnest($5::text[]) AS u (y) -- of $6\n"
        "WHERE (SELECT holds FROM assumed))\n"
        "SELECT holds FROM assumed"
    )


def test_columns_of_one_row_are_values() -> None:
    insert = "INSERT INTO a SELECT $3, u.x FROM unnest($1::uuid[], $2::text[],\n   $4::bigint[])\n AS u (x, y), f($2)"
    assert of_one_row(insert) == (
        "INSERT INTO a SELECT $3, u.x FROM (VALUES ($1::uuid, $2::text,\n   $4::bigint))\n AS u (x, y), f($2)",
        frozenset({1, 2, 4}),
    )


def test_what_is_more_than_columns_stays_as_it_is() -> None:
    ordered = "INSERT INTO a SELECT u.x FROM unnest($1::text[]) WITH ORDINALITY AS u (x, place)"
    made = "INSERT INTO a SELECT x FROM unnest(string_to_array($1::text, ',')) AS u (x)"
    for insert in (ordered, made):
        assert of_one_row(insert) == (insert, frozenset())
