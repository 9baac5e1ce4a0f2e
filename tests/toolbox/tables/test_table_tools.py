"""Tables in files: how they are read, asked, and kept from harm."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airunner.errors import GenerationError, ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.tables.column_types import TypeFinder, value_of
from airunner.toolbox.tables.csv_file import MAX_FILE_BYTES
from airunner.toolbox.tables.database import open_database
from airunner.toolbox.tables.guard import Limits
from airunner.toolbox.tables.loading import MAX_ROWS, column_names, table_name
from airunner.toolbox.tables.sql_writer import statement_of
from airunner.toolbox.tables.table_tools import ask_table, query_table
from airunner.tools.files_folder import FilesFolder


class Api:
    """The files folder, and a code model that gives ``replies`` one after the other."""

    def __init__(self, folder: Path, *replies: str) -> None:
        self.files = FilesFolder(folder)
        self.prompts: list[str] = []
        self.capability: ModelCapability | None = None
        self.closes = 0
        self._replies = list(replies)

    def write(self, name: str, content: str | bytes) -> str:
        path = self.files.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> Self | None:
        self.capability = capability
        return self if self._replies else None

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        self.prompts.append(prompt)
        if not self._replies:
            raise GenerationError("scripted", "no more")
        return self._replies.pop(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closes += 1


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path / "files")


@pytest.fixture
def shop(api: Api) -> str:
    """A database with two tables, a view, a full-text index and a view over nothing."""
    with closing(sqlite3.connect(api.files.path / "shop.db")) as database:
        database.executescript(
            """
            CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE "order items" (id INTEGER, customer INT, price REAL, picture BLOB);
            CREATE VIEW names AS SELECT name FROM customers;
            CREATE VIEW broken AS SELECT * FROM gone;
            CREATE VIRTUAL TABLE notes USING fts4(body);
            INSERT INTO notes VALUES ('hello world');
            INSERT INTO "order items" VALUES (1, 1, 2.5, x'00ff'), (2, 1, 4.5, NULL);
            """
        )
        customers = [(number, f"name {number}") for number in range(1, 101)]
        database.executemany("INSERT INTO customers VALUES (?, ?)", customers)
        database.commit()
    return "shop.db"


SALES = """Region,Amount ($),Day,Order,Zip
North,"1,234.50",2026-01-03,1,01234
South,20.5,2026-02-01,2,99999
North,,2026-03-01,3,00001
"""


def test_a_csv_file_is_described(api: Api) -> None:
    assert query_table(api.write("sales 2024.csv", SALES), api=api).splitlines() == [
        "sales 2024.csv: UTF-8 text, parted by commas.",
        "In SQL it is the table sales_2024, 3 rows. Columns:",
        "- Region: text",
        "- Amount: number, headed 'Amount ($)', 1 empty, from 20.5 to 1234.5",
        "- Day: date, from 2026-01-03 to 2026-03-01",
        "- Order_: whole number, headed 'Order', from 1 to 3",
        "- Zip: text",
        "First rows:",
        "Region | Amount | Day        | Order_ | Zip",
        "------ | ------ | ---------- | ------ | -----",
        "North  | 1234.5 | 2026-01-03 |      1 | 01234",
        "South  |   20.5 | 2026-02-01 |      2 | 99999",
        "North  |        | 2026-03-01 |      3 | 00001",
    ]


def test_a_csv_file_is_asked_in_sql(api: Api) -> None:
    file = api.write("sales.csv", SALES)
    sql = "SELECT Region, sum(Amount) AS total FROM sales GROUP BY 1 ORDER BY total DESC;"
    assert query_table(file, sql, api=api).splitlines() == [
        "Region |  total",
        "------ | ------",
        "North  | 1234.5",
        "South  |   20.5",
        "2 rows.",
    ]
    assert query_table(file, "SELECT * FROM sales WHERE Zip = 'x'", api=api) == "No rows."
    with pytest.raises(ToolRetryError, match=r"no such column: cost\. There is sales\(Region, "):
        query_table(file, "SELECT cost FROM sales", api=api)
    with pytest.raises(ToolRetryError, match="no such table: sale"):
        query_table(file, "SELECT * FROM sale", api=api)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-2", ""], "whole number", [1, -2, None]),
        (["1", "2.5", "1e3"], "number", [1.0, 2.5, 1000.0]),
        (["$1,200", "3.50", "n/a"], "number", [1200.0, 3.5, None]),
        (["007", "1"], "text", ["007", "1"]),
        (["2026-05-03", "2026-05-04 10:00"], "date", ["2026-05-03", "2026-05-04 10:00"]),
        (["2026-05-03", "2026-02-30"], "text", ["2026-05-03", "2026-02-30"]),
        (["3.5.2026", "4.5.2026"], "date", ["2026-05-03", "2026-05-04"]),
        (["13/5/2026", "4/5/2026"], "date", ["2026-05-13", "2026-05-04"]),
        (["5/13/2026", "5/4/2026"], "date", ["2026-05-13", "2026-05-04"]),
        (["3/5/2026"], "text (dates, day or month first)", ["3/5/2026"]),
        (["1", "two"], "text", ["1", "two"]),
        (["", "-"], "text", [None, "-"]),
        (["1" * 30], "text", ["1" * 30]),
    ],
)
def test_a_column_has_a_type_if_all_its_cells_have_it(
    cells: list[str], kind: str, values: list[object]
) -> None:
    finder = TypeFinder(decimal_comma=False)
    for cell in cells:
        finder.see(cell)
    assert finder.found.words == kind
    assert [value_of(cell, finder.found) for cell in cells] == pytest.approx(values)


def test_tables_of_other_countries_and_programs(api: Api) -> None:
    german = "Name;Preis;Tag\nÄpfel;1.234,50;03.05.2026\nBirnen;2,5;04.05.2026\n"
    text = query_table(api.write("preise.csv", german.encode("cp1252")), api=api)
    assert "Windows-1252 text, parted by semicolons" in text
    assert "Preis: number, from 2.5 to 1234.5" in text
    assert "Äpfel" in text
    assert "2026-05-03" in text
    for encoding in ("utf-8-sig", "utf-16"):
        file = api.write("marked.csv", german.encode(encoding))
        assert "Äpfel" in query_table(file, "SELECT Name FROM marked", api=api)
    file = api.write("plain.tsv", "1\t2.5\tx\n2\t3\ty\n")
    assert "column_2: number" in query_table(file, api=api)
    file = api.write("wide.csv", "country,2019,2020\nA,1,2\nB,3,4\n")
    assert query_table(file, "SELECT sum(_2020) FROM wide", api=api).splitlines()[2].strip() == "6"
    file = api.write("quotes.csv", 'a,b\n1,"x" y\n2,"two\nlines"\n')
    assert "two lines" in query_table(file, "SELECT b FROM quotes", api=api)
    assert "1 row" in query_table(api.write("one.csv", "name\nanna\n"), api=api)
    assert "0 rows" in query_table(api.write("head.csv", "a,b\n"), api=api)


def test_names_need_no_quotes_in_sql() -> None:
    heading = ("Unit Price ($)", "order", "", "2019", "a", "A", "größe")
    names = ["Unit_Price", "order_", "column_3", "_2019", "a", "A_2", "größe", "column_8"]
    assert column_names(heading, 8) == names
    assert table_name("data/Sales 2024.final.csv") == "Sales_2024_final"
    assert table_name("2024.csv") == "_2024"
    assert table_name("???.csv") == "data"


def test_rows_that_do_not_fit_are_told(api: Api) -> None:
    ragged = "a,b,c\n" + "1,2,3\n" * 20 + "1,2\n1,2,3,4\n1,2,3,,\n"
    text = query_table(api.write("ragged.csv", ragged), "SELECT count(*) FROM ragged", api=api)
    assert "1 row is too short: the last cells are empty." in text
    assert "1 row is too long: what is beyond the last column is left out." in text
    assert "(Such rows are 21, 22.)" in text


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n  \n", "has no rows"),
        ("noise.csv", bytes(range(256)) * 4, "neither text nor a SQLite database"),
        ("book.xlsx", b"PK\x03\x04" + b"x" * 50, "save the sheet as CSV"),
        ("paper.csv", b"%PDF-1.7 ...", "PDF"),
        ("letter.txt", b"Dear Ann, dear Bob,\nit rains, it pours, and so on\nBye\n", "no table"),
        ("late.csv", b"a,b\n" + b"1,2\n" * 200 + b"1\n" * 100, "do not have 2 cells"),
        ("open.csv", b'a,b\n1,"x\n2,y\n', "never closed"),
        ("long.csv", b"a,b\n1," + b"x" * 200_000 + b"\n", "larger than field limit"),
        ("wide.csv", b",".join([b"x"] * 400), "300 are the most"),
        ("fake.sqlite", b"I am no database\n", "no SQLite database"),
        ("empty.db", b"", "no SQLite database"),
        ("cut.db", b"SQLite format 3\0" + b"\x10\0\1\1" + b"x" * 300, "as a database"),
        ("rows.csv", b"1\n" * (MAX_ROWS + 1), f"more than {MAX_ROWS:,} rows"),
    ],
)
def test_what_is_no_table_is_refused(api: Api, name: str, content: bytes, told: str) -> None:
    with pytest.raises(ToolFailedError) as raised:
        query_table(api.write(name, content), api=api)
    assert told in str(raised.value)
    assert name in str(raised.value)


def test_a_file_that_is_too_large_is_not_even_read(api: Api) -> None:
    with (api.files.path / "huge.csv").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ToolFailedError, match="SQLite database"):
        query_table("huge.csv", api=api)


def test_files_outside_of_the_folder_are_not_reached(api: Api) -> None:
    for name in ("../secret.csv", "/etc/passwd", "missing.csv"):
        with pytest.raises(ToolRetryError):
            query_table(name, api=api)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.one_of(st.binary(max_size=300), st.text("ab1,;\t\"'\n\r |.é-/", max_size=200)))
def test_any_file_is_a_table_or_an_error_of_ours(api: Api, content: bytes | str) -> None:
    with suppress(ToolFailedError, ToolRetryError):
        query_table(api.write("any.csv", content), api=api)


def test_a_database_is_described(api: Api, shop: str) -> None:
    assert query_table(shop, api=api).splitlines() == [
        "shop.db: SQLite database with 3 tables.",
        "- customers, 100 rows: id INTEGER, name TEXT",
        "id | name",
        "-- | ------",
        " 1 | name 1",
        " 2 | name 2",
        " 3 | name 3",
        "- names, 100 rows: name TEXT",
        "name",
        "------",
        "name 1",
        "name 2",
        "name 3",
        '- "order items", 2 rows: id INTEGER, customer INT, price REAL, picture BLOB',
        "id | customer | price | picture",
        "-- | -------- | ----- | ---------",
        " 1 |        1 |   2.5 | (2 bytes)",
        " 2 |        1 |   4.5 |",
        "The view broken is left out: what it shows is gone.",
        "Virtual tables, such as full-text indexes, are left out: notes.",
    ]


def test_a_database_is_asked(api: Api, shop: str) -> None:
    text = query_table(shop, "SELECT * FROM customers ORDER BY id", api=api)
    assert text.splitlines()[2:4] == [" 1 | name 1", " 2 | name 2"]
    assert "100 rows; the first 30 are shown." in text
    assert "name 31" not in text
    joined = 'SELECT name, sum(price) FROM customers c JOIN "order items" o ON o.customer = c.id'
    assert "7" in query_table(shop, joined, api=api)
    assert "cid" in query_table(shop, "PRAGMA table_info(customers)", api=api)


FORBIDDEN = """
DELETE FROM customers
UPDATE customers SET name = 'x'
INSERT INTO customers VALUES (200, 'x')
REPLACE INTO customers VALUES (1, 'x')
WITH x AS (SELECT 1) DELETE FROM customers
DROP TABLE customers
ALTER TABLE customers RENAME TO c
CREATE TABLE t (a)
CREATE TEMP TABLE t (a)
CREATE TEMP VIEW w AS SELECT 1
CREATE TRIGGER t AFTER INSERT ON customers BEGIN SELECT 1; END
CREATE VIRTUAL TABLE f USING fts4(a)
INSERT INTO notes (notes) VALUES ('optimize')
ATTACH 'other.db' AS other
ATTACH ':memory:' AS other
DETACH main
VACUUM
VACUUM INTO 'copy.db'
REINDEX
ANALYZE
BEGIN
COMMIT
SAVEPOINT a
PRAGMA journal_mode = WAL
PRAGMA writable_schema = ON
PRAGMA query_only = OFF
PRAGMA user_version = 5
PRAGMA user_version
PRAGMA temp_store_directory = '/'
SELECT * FROM pragma_user_version
SELECT load_extension('evil')
SELECT fts3_tokenizer('simple')
SELECT * FROM customers WHERE load_extension('evil')
"""


@pytest.mark.parametrize("sql", FORBIDDEN.strip().splitlines())
def test_nothing_but_reading_is_allowed(api: Api, shop: str, sql: str) -> None:
    path = api.files.path / shop
    before = path.read_bytes()
    with pytest.raises(ToolRetryError, match="Only reading is allowed"):
        query_table(shop, sql, api=api)
    assert path.read_bytes() == before
    assert [file.name for file in api.files.path.iterdir()] == [shop]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1; DROP TABLE customers", "more than one statement"),
        ("SELECT * FROM notes", "Virtual tables"),
        ("SELECT writefile('x', 'y')", "no such function"),
        ("selct 1", "syntax error"),
        ("-- nothing", "no query"),
        ("SELECT '\0'", "NUL"),
        ("SELECT '" + "x" * 20_000 + "'", "too long"),
        ("SELECT " + "(" * 900 + "1" + ")" * 900, "SQL error"),
        ("SELECT 1" + " UNION SELECT 1" * 200, "too many terms"),
        (f"SELECT * FROM names WHERE name LIKE '{'%a' * 300}'", "too complex"),
        ("SELECT zeroblob(1000000000)", "100,000 bytes"),
        ("SELECT randomblob(2000000)", "100,000 bytes"),
        ("SELECT hex(zeroblob(90000))", "100,000 bytes"),
        ("SELECT replace(hex(zeroblob(40000)), '0', 'aaaaaaaaaa')", "100,000 bytes"),
        ("SELECT group_concat(a.name) FROM names a, names b, names c", "100,000 bytes"),
        (
            "WITH RECURSIVE t (s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t) "
            "SELECT length(s) FROM t",
            "100,000 bytes",
        ),
    ],
)
def test_what_cannot_run_says_why(api: Api, shop: str, sql: str, told: str) -> None:
    with pytest.raises(ToolRetryError) as raised:
        query_table(shop, sql, api=api)
    assert told in str(raised.value)


ENDLESS = "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) "


@pytest.mark.parametrize(
    "sql",
    [
        ENDLESS + "SELECT max(n) FROM t",
        ENDLESS.replace("UNION ALL", "UNION") + "SELECT count(*) FROM t",
        "SELECT count(*) FROM customers a, customers b, customers c, customers d, customers e",
    ],
)
def test_an_endless_query_is_stopped_by_its_time(api: Api, shop: str, sql: str) -> None:
    limits = Limits(time_s=0.05)
    with (
        open_database(api.files.path / shop, shop, tool="t", limits=limits) as database,
        pytest.raises(ToolRetryError, match=r"longer than 0\.05 s"),
    ):
        database.run(sql, 10)


def test_a_growing_query_is_stopped_by_its_memory(api: Api, shop: str) -> None:
    sql = (
        "WITH RECURSIVE t (n, s) AS (SELECT 1, hex(zeroblob(40000)) "
        "UNION ALL SELECT n + 1, s FROM t) SELECT n, s || n AS x FROM t ORDER BY x"
    )
    limits = Limits(time_s=100, memory_bytes=60_000_000)
    with (
        open_database(api.files.path / shop, shop, tool="t", limits=limits) as database,
        pytest.raises(ToolRetryError, match="more than 60 MB of memory"),
    ):
        database.run(sql, 10)


def test_rows_without_end_are_counted_up_to_a_limit(api: Api, shop: str) -> None:
    limits = Limits(counted_rows=500)
    with open_database(api.files.path / shop, shop, tool="t", limits=limits) as database:
        found = database.run(ENDLESS + "SELECT n FROM t", 3)
    assert (found.shown, found.count, found.is_counted) == ([(1,), (2,), (3,)], 500, False)


def test_a_query_after_one_that_was_stopped_has_its_own_time(api: Api, shop: str) -> None:
    limits = Limits(time_s=0.05)
    with open_database(api.files.path / shop, shop, tool="t", limits=limits) as database:
        with pytest.raises(ToolRetryError):
            database.run(ENDLESS + "SELECT max(n) FROM t", 1)
        assert database.run("SELECT 1", 1).shown == [(1,)]


def test_a_locked_database_is_no_riddle(api: Api, shop: str) -> None:
    with closing(sqlite3.connect(api.files.path / shop, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ToolFailedError, match="locked"):
            query_table(shop, "SELECT 1 FROM customers", api=api)


def test_long_values_and_many_columns_are_cut(api: Api) -> None:
    heading = ",".join(f"c{number}" for number in range(20))
    row = ",".join(["word " * 30] * 20)
    text = query_table(api.write("wide.csv", f"{heading}\n{row}\n"), "SELECT * FROM wide", api=api)
    assert "(not shown: c12, c13, c14, c15, c16, c17, c18, c19)" in text
    assert max(map(len, text.splitlines())) < 12 * 43
    assert "…" in text


def question_about_sales(api: Api, *replies: str) -> Api:
    asked = Api(api.files.path, *replies)
    asked.write("sales.csv", SALES)
    return asked


QUESTION = "which region has the highest total in sales.csv?"


def test_a_question_becomes_sql(api: Api) -> None:
    sql = "SELECT Region FROM sales GROUP BY Region ORDER BY sum(Amount) DESC LIMIT 1"
    api = question_about_sales(api, f"Here it is:\n```sql\n{sql};\n```\nIt sums the amounts.")
    text = ask_table("sales.csv", QUESTION, api=api)
    assert text.splitlines() == [f"SQL: {sql}", "", "Region", "------", "North", "1 row."]
    assert api.capability is ModelCapability.CODE_GENERATION
    (prompt,) = api.prompts
    assert "sales(Region text, Amount number, Day date, Order_ whole number, Zip text)" in prompt
    assert "North  | 1234.5 | 2026-01-03" in prompt
    assert QUESTION in prompt
    assert api.closes == 1


def test_sql_that_does_not_run_is_corrected_once(api: Api) -> None:
    api = question_about_sales(api, "SELECT cost FROM sales", "SELECT max(Amount) m FROM sales")
    assert "1234.5" in ask_table("sales.csv", QUESTION, api=api)
    assert "no such column: cost" in api.prompts[1]
    api = question_about_sales(api, "SELECT cost FROM sales", "DROP TABLE sales", "SELECT 1")
    with pytest.raises(ToolFailedError, match=r"Only reading is allowed(.|\n)*SQL: DROP TABLE"):
        ask_table("sales.csv", QUESTION, api=api)
    assert len(api.prompts) == 2


def test_without_the_code_model_nothing_is_made_up(api: Api) -> None:
    with pytest.raises(ToolFailedError, match="could not be used"):
        ask_table("sales.csv", QUESTION, api=question_about_sales(api))
    api = question_about_sales(api, "SELECT cost FROM sales")
    with pytest.raises(ToolFailedError, match="no more"):
        ask_table("sales.csv", QUESTION, api=api)
    assert api.closes == 1
    with pytest.raises(ToolRetryError, match="empty"):
        ask_table("sales.csv", " ", api=api)


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ("SELECT 1", "SELECT 1"),
        ("select 1; select 2", "select 1"),
        ("Sure!\n```sql\nSELECT ';' FROM t;\n```\nDone.", "SELECT ';' FROM t"),
        ("```\nWITH a AS (SELECT 1) SELECT * FROM a", "WITH a AS (SELECT 1) SELECT * FROM a"),
        ("I can help with that.\nSELECT a\nFROM t\n\nThis lists a.", "SELECT a\nFROM t"),
        ("Use `SELECT a FROM t`", "SELECT a FROM t"),
        ("DROP TABLE t; SELECT 1", "SELECT 1"),
        ("no idea", "no idea"),
    ],
)
def test_the_statement_is_found_in_a_reply(reply: str, wanted: str) -> None:
    assert statement_of(reply) == wanted
