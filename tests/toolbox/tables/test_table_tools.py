"""Tables in files: how they are read, asked, and kept from harm."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import chdir, closing, contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import Eventually

from airunner.errors import GenerationError, ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.tables.csv_tables import column_names, table_name
from airunner.toolbox.tables.csv_text import MAX_FILE_BYTES
from airunner.toolbox.tables.database import Database, Limits, Rows
from airunner.toolbox.tables.description import describe
from airunner.toolbox.tables.query_process import open_database
from airunner.toolbox.tables.sql_writer import statement_of
from airunner.toolbox.tables.table_tools import ask_table, query_table
from airunner.tools.files_folder import FilesFolder
from airunner.tools.real_path import open_real


class Api:
    """The files folder, and a code model that gives ``replies`` one after the other."""

    cancelled = False

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


@contextmanager
def opened(
    api: Api,
    name: str,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> Iterator[Database]:
    """The file in this process: for what needs no bounds but its own, and is quicker so."""
    path = api.files.path / name
    with (
        open_real(path) as file,
        open_database(file, path, name, tool="query_table", limits=limits) as database,
    ):
        yield database


def found(api: Api, name: str, sql: str, limits: Limits = Limits()) -> Rows:  # noqa: B008
    with opened(api, name, limits) as database:
        return database.run(sql)


def is_answered(database: Database) -> bool:
    """Whether the least that can be asked is; a busy machine may have no time even for that."""
    with suppress(ToolRetryError):
        return database.run("SELECT 1").shown == [(1,)]
    return False


def described(api: Api, name: str) -> str:
    with opened(api, name) as database:
        return describe(database, name)


SALES = """Region,Amount ($),Day,Order,Zip
North,"1,234.50",2026-01-03,1,01234
South,20.5,2026-02-01,2,99999
North,,2026-03-01,3,00001
"""


def test_a_csv_file_is_described(api: Api) -> None:
    assert query_table(api.write("sales 2024.csv", SALES), api=api).splitlines() == [
        "sales 2024.csv: UTF-8 text, parted by commas.",
        "In SQL it is the table sales_2024, 3 rows, 5 columns:",
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
    with pytest.raises(ToolRetryError, match=r'"cost" not found(.|\n)*There is sales\(Region, '):
        query_table(file, "SELECT cost FROM sales", api=api)
    with pytest.raises(ToolRetryError, match="Table with name sale does not exist"):
        query_table(file, "SELECT * FROM sale", api=api)


def test_who_asks_several_attached_tables_at_once_is_told_to_ask_each(
    api: Api, tmp_path: Path
) -> None:
    folder = tmp_path / "attached/one"
    folder.mkdir(parents=True)
    for name in ("sales.csv", "Our customers.csv"):
        (folder / name).write_text("id,what\n1,a\n2,b\n")
    api.files = api.files.with_attached(folder)
    assert "2" in query_table("Our customers.csv", "SELECT count(*) FROM Our_customers", api=api)
    told = "over one file, here sales.csv: ask attached/Our customers.csv by itself"
    with pytest.raises(ToolRetryError, match=told):
        query_table("sales.csv", "SELECT * FROM sales JOIN our_customers USING (id)", api=api)
    with pytest.raises(ToolRetryError) as caught:
        query_table("sales.csv", "SELECT cost FROM sales", api=api)
    assert "by itself" not in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-2", ""], "whole number", [1, -2, None]),
        (["1", "2.5", "1e3"], "number", [1.0, 2.5, 1000.0]),
        (["$1,200", "3.50", "n/a"], "number", [1200.0, 3.5, None]),
        (["€ 1.200,50", "3,5 €", "-"], "number", [1200.5, 3.5, None]),
        (["1 234,50", "2\u00a0500", "-3\u202f000,1"], "number", [1234.5, 2500.0, -3000.1]),
        (["1'234.50", "12’000"], "number", [1234.5, 12000.0]),
        (["007", "1"], "text", ["007", "1"]),
        (["2026-05-03", "NULL"], "date", [date(2026, 5, 3), None]),
        (
            ["2026-05-03", "2026-05-04T10:00"],
            "date and time",
            [datetime(2026, 5, 3), datetime(2026, 5, 4, 10)],
        ),
        (["2026-05-03", "2026-02-30"], "text", ["2026-05-03", "2026-02-30"]),
        (["3.5.2026", "4.5.2026"], "date", [date(2026, 5, 3), date(2026, 5, 4)]),
        (["13/5/2026", "4/5/2026"], "date", [date(2026, 5, 13), date(2026, 5, 4)]),
        (["5/13/2026", "5/4/2026"], "date", [date(2026, 5, 13), date(2026, 5, 4)]),
        (["3/5/2026"], "text (dates, day or month first)", ["3/5/2026"]),
        (["1", "two"], "text", ["1", "two"]),
        (["none", "-"], "text", ["none", "-"]),
        (["1" * 30], "text", ["1" * 30]),
        (["x"] * 2_000 + ["5"], "text", ["x"] * 30),
        (["5"] * 2_000 + ["x"], "text", ["5"] * 30),
    ],
)
def test_a_column_has_a_type_if_all_its_cells_have_it(
    api: Api, cells: list[str], kind: str, values: list[object]
) -> None:
    lines = "".join(f"row;{cell}\n" for cell in cells)
    with opened(api, api.write("column.csv", f"what;it\n{lines}")) as database:
        assert [column.kind for column in database.tables[0].columns] == ["text", kind]
        assert [value for (value,) in database.run("SELECT it FROM column_").shown] == values


def test_how_numbers_and_dates_are_written_belongs_to_the_file(api: Api) -> None:
    file = api.write("two.csv", "a;b;c\n1,5;1.234;3/5/2026\n2,5;5.678;13/5/2026\n")
    assert found(api, file, "SELECT * FROM two").shown[0] == (1.5, 1234.0, date(2026, 5, 3))
    file = api.write("one.csv", "a;b\n1.5;1.234\n")
    assert found(api, file, "SELECT * FROM one").shown == [(1.5, 1.234)]


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ("sep=;\r\nname;amount\r\nAda;1,50\r\n", ["name", "amount"], [("Ada", 1.5)]),
        (
            "name,2024-01-01,2024-02-01\r\na,5,6\r\nb,7,8\r\n",
            ["name", "_2024_01_01", "_2024_02_01"],
            [("a", 5, 6), ("b", 7, 8)],
        ),
        ("id,1,2\na,x,y\nb,5.5,n/a\n", ["column_1", "column_2", "column_3"], 3),
        ("place,1.5,2.5\nA,2024-01-01,2024-01-02\n", ["place", "_1_5", "_2_5"], 1),
        (",2019,2020\nA,1,2\n", ["column_1", "_2019", "_2020"], [("A", 1, 2)]),
        ("ann,3\nbob,4\n", ["column_1", "column_2"], [("ann", 3), ("bob", 4)]),
        ("Report of 2024\n\nname,n\nann,3\nbob,4\n", ["name", "n"], [("ann", 3), ("bob", 4)]),
        ('a, b, c\r\n1, "x, y", 3\r\n', ["a", "b", "c"], [(1, "x, y", 3)]),
        ("name\nanna\n", ["name"], [("anna",)]),
        ("a,b\n", ["a", "b"], 0),
        ('a,b\r\n1,"x\r\ny ""z"""\r\n2,w\r\n', ["a", "b"], [(1, 'x\r\ny "z"'), (2, "w")]),
        ("1,\r2\r3\r4\r", ["column_1"], [(1,), (2,), (3,), (4,)]),
        ("a,a,\n1,2,3\n", ["a", "a_2", "column_3"], [(1, 2, 3)]),
        ('a,b\n1,"x" y\n2,"two\nlines"\n', ["a", "b"], [(1, "x y"), (2, "two\nlines")]),
        ('a,b\n5" pipe,1\n6" pipe,2\n', ["a", "b"], [('5" pipe', 1), ('6" pipe', 2)]),
        ("a,b\n1," + "x" * 300_000 + "\n", ["a", "b"], [(1, "x" * 300_000)]),
        ("1\n" * 400_000, ["column_1"], 400_000),
    ],
)
def test_a_table_is_read_as_it_is_meant(
    api: Api, content: str, columns: list[str], rows: int | list[tuple[object, ...]]
) -> None:
    with opened(api, api.write("table_.csv", content), Limits(counted_rows=10**6)) as database:
        result = database.run("SELECT * FROM table_")
    assert list(result.columns) == columns
    if isinstance(rows, int):
        assert result.count == rows
    else:
        assert result.shown == rows


FIELD = Path(__file__).parents[2] / "cases" / "csv"


@pytest.mark.parametrize(
    ("name", "columns", "rows"),
    [
        ("sepline.csv", ["name", "amount"], [("Ada", 1.5), ("Bob", 2.25), ("Cyd", 3.0)]),
        ("isohead.csv", ["name", "_2024_01_01", "_2024_02_01"], [("a", 5, 6), ("b", 7, 8)]),
        ("space.csv", ["a", "b", "c"], [(1, "x, y", 3), (2, "z", 4)]),
        ("fr.csv", ["ville", "prix"], [("A", 1234.5), ("B", 2500.0), ("C", 3000.1)]),
    ],
)
def test_cases_from_the_field(
    api: Api, name: str, columns: list[str], rows: list[tuple[object, ...]]
) -> None:
    with opened(api, api.write(name, (FIELD / name).read_bytes())) as database:
        result = database.run(f"SELECT * FROM {database.tables[0].name}")
    assert (list(result.columns), result.shown) == (columns, rows)


ENCODINGS = {
    "gbk": "城市,人口\n北京,2189\n上海,2487\n",
    "gb18030": "姓名,部门\n张三,销售\n李四,技术\n",
    "big5": "城市,人口\n臺北市,250\n高雄市,272\n",
    "windows-1251": "имя,цена\nгруша,7\nяблоко,5\n",
    "koi8-r": "имя,цена\nгруша,7\nяблоко,5\n",
    "koi8-u": "назва,ціна\nКиїв,7\nЇжак,5\n",
    "cp866": "город,сумма\nМосква,7\nКазань,5\n",
    "shift-jis": "名前,価格\n林檎,100\n山田,5\n",
    "euc-kr": "이름,값\n사과,5\n서울,3\n",
    "cp1253": "Όνομα,Πόλη\nΜαρία,Αθήνα\n",
    "cp1250": "Miasto,Cena\nŁódź,5\nKraków,3\n",
    "cp1252": "Ort,Preis\nKöln,5\nGröße,3\n",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_that_is_not_said_is_found_and_told(api: Api, encoding: str) -> None:
    text = ENCODINGS[encoding]
    name = api.write("a.csv", text.encode(encoding))
    with opened(api, name) as database:
        rows = database.run("SELECT * FROM a").shown
    assert [str(row[0]) for row in rows] == [line.split(",")[0] for line in text.split()[1:]]
    assert "The file does not say its encoding; " in query_table(name, "SELECT 1 FROM a", api=api)
    assert " is assumed" in described(api, name)


def test_an_encoding_that_is_doubtful_says_so(api: Api) -> None:
    api.write("a.csv", "名前,値\n林,1\n".encode("euc-jp"))
    told = query_table("a.csv", "SELECT * FROM a", api=api)
    assert "which is doubtful: it may be " in told


def test_the_case_in_shift_jis_is_read(api: Api) -> None:
    with opened(api, api.write("a.csv", (FIELD / "sjis.csv").read_bytes())) as database:
        names = (*database.run("SELECT * FROM a").columns,)
    assert names == tuple((FIELD / "sjis.csv").read_text("shift-jis").split()[0].split(","))


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ('"sep=;"\r\nname;amount\r\nAda;1,5\r\n', ["name", "amount"], [("Ada", 1.5)]),
        ("sep=\t\nname\tamount\nAda\t1.5\n", ["name", "amount"], [("Ada", 1.5)]),
        ("SEP= |\nname|amount\nAda|1.5\n", ["name", "amount"], [("Ada", 1.5)]),
        ("place,1,2,3\nN,5,9,7\nS,8,9,10\n", ["place", "_1", "_2", "_3"], 2),
        ("x,1,2,3\ny,2,3,4\n", ["column_1", "column_2", "column_3", "column_4"], 2),
        ("item;01.01.2024;01.02.2024\na;5;6\n", ["item", "_01_01_2024", "_01_02_2024"], 1),
        ("a,b\nx\x0by,1\nz\u2028w,2\nn\x85m,3\n", ["a", "b"], 3),
        ("# made by a program\n# 2024\na,b\n1,2\n3,4\n", ["a", "b"], [(1, 2), (3, 4)]),
        ("# one, two, three\na,b\n1,2\n3,4\n", ["a", "b"], [(1, 2), (3, 4)]),
        ("# one, two\na,b\n1,2\n3,4\n", ["a", "b"], [(1, 2), (3, 4)]),
        ("#a,b\n1,2\n3,4\n", ["a", "b"], [(1, 2), (3, 4)]),
        ("# numpy\n# a,b\n1.5,2\n3,4\n", ["a", "b"], [(1.5, 2), (3, 4)]),
        ("tag,n\n#x,1\n#y,2\n", ["tag", "n"], [("#x", 1), ("#y", 2)]),
        ("#x,1\n" * 60 + "y,2\n", ["column_1", "column_2"], 61),
        ("a;b\n1.234;2,5\n5.678;3,5\n", ["a", "b"], [(1234.0, 2.5), (5678.0, 3.5)]),
        ('a ; b\n1 ; "x; y"\n', ["a", "b"], [(1, "x; y")]),
        ("a,b\n1,2\n3,4\n".encode("utf-16-le"), ["a", "b"], [(1, 2), (3, 4)]),
        ("a,b\n1,2\n3,4\n".encode("utf-16-be"), ["a", "b"], [(1, 2), (3, 4)]),
        ("a,b\n1,2\n3,4\n".encode("utf-32"), ["a", "b"], [(1, 2), (3, 4)]),
        ("\ufeffa,b\n1,2\n3,4\n".encode("utf-32-be"), ["a", "b"], [(1, 2), (3, 4)]),
    ],
)
def test_a_table_as_programs_write_it(
    api: Api, content: str | bytes, columns: list[str], rows: int | list[tuple[object, ...]]
) -> None:
    with opened(api, api.write("table_.csv", content)) as database:
        result = database.run("SELECT * FROM table_")
    assert list(result.columns) == columns
    assert (result.count if isinstance(rows, int) else result.shown) == rows


def test_tables_of_other_countries_and_programs(api: Api) -> None:
    german = "Name;Preis;Tag\nÄpfel;1.234,50;03.05.2026\nBirnen;2,5;04.05.2026\n"
    text = query_table(api.write("preise.csv", german.encode("cp1252")), api=api)
    assert "Windows-1252 text, parted by semicolons" in text
    assert "Preis: number, from 2.5 to 1234.5" in text
    assert "Äpfel" in text
    assert "2026-05-03" in text
    for encoding in ("utf-8-sig", "utf-16"):
        file = api.write("marked.csv", german.encode(encoding))
        assert found(api, file, "SELECT Name FROM marked").shown[0] == ("Äpfel",)
    file = api.write("plain.tsv", "1\t2.5\tx\n2\t3\ty\n")
    assert "column_2: number" in described(api, file)


def test_names_need_no_quotes_in_sql() -> None:
    heading = ("Unit Price ($)", "order", "", "2019", "a", "A", "größe")
    names = ["Unit_Price", "order_", "column_3", "_2019", "a", "A_2", "größe", "column_8"]
    assert column_names(heading, 8, {"order"}) == names
    assert table_name("data/Sales 2024.final.csv") == "Sales_2024_final"
    assert table_name("2024.csv") == "_2024"
    assert table_name("???.csv") == "data"


def test_rows_that_do_not_fit_are_told(api: Api) -> None:
    ragged = "a,b,c\n" + "1,2,3\n" * 20 + "1,2\n1,2,3,4\n1,2,3,,\n"
    text = query_table(api.write("ragged.csv", ragged), "SELECT count(*) FROM ragged", api=api)
    assert "1 row is too short: the last cells are empty." in text
    assert "1 row is too long: it is cut." in text
    assert "(They are the rows number 21, 22.)" in text
    file = api.write("one.csv", "a,b,c\n" + "1,2,3\n" * 98 + "1,2\n")
    assert "(It is row number 99.)" in query_table(file, api=api)


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
        ("long.csv", b"a,b\n1," + b"x" * 2_000_000 + b"\n", "larger than field limit"),
        ("wide.csv", b",".join([b"x"] * 400), "300 are the most"),
        ("fake.sqlite", b"I am no database\n", "no SQLite database"),
        ("empty.db", b"", "no SQLite database"),
        ("cut.db", b"SQLite format 3\0" + b"\x10\0\1\1" + b"x" * 300, "as a database"),
    ],
)
def test_what_is_no_table_is_refused(api: Api, name: str, content: bytes, told: str) -> None:
    with pytest.raises(ToolFailedError) as raised:
        described(api, api.write(name, content))
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
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.one_of(st.binary(max_size=300), st.text("ab1,;\t\"'\n\r |.é-/", max_size=200)))
def test_any_file_is_a_table_or_an_error_of_ours(api: Api, content: bytes | str) -> None:
    with suppress(ToolFailedError, ToolRetryError):
        described(api, api.write("any.csv", content))


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
        found(api, shop, sql)
    assert path.read_bytes() == before
    assert [file.name for file in api.files.path.iterdir()] == [shop]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1; DROP TABLE customers", "one statement"),
        ("SELECT * FROM notes", "vtable"),
        ("SELECT writefile('x', 'y')", "no such function"),
        ("selct 1", "syntax error"),
        ("-- nothing", "no query"),
        ("SELECT '\0'", "null character"),
        ("SELECT '\ud800'", "surrogates"),
        ("SELECT '" + "x" * 50_000 + "'", "too big|too large|longer"),
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
    with pytest.raises(ToolRetryError, match=told):
        found(api, shop, sql)


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
        opened(api, shop, limits) as database,
        pytest.raises(ToolRetryError, match=r"longer than 50 ms"),
    ):
        database.run(sql, 10)


def test_a_growing_query_is_stopped_by_its_memory(api: Api, shop: str) -> None:
    sql = (
        "WITH RECURSIVE t (n, s) AS (SELECT 1, hex(zeroblob(40000)) "
        "UNION ALL SELECT n + 1, s FROM t) SELECT n, s || n AS x FROM t ORDER BY x"
    )
    with pytest.raises(ToolRetryError, match="too much memory"):
        query_table(shop, sql, api=api)


FORBIDDEN_IN_CSV = """
SELECT * FROM read_text('secret.txt')
SELECT * FROM read_blob('secret.txt')
SELECT * FROM read_csv('secret.txt')
SELECT * FROM read_json('secret.txt')
SELECT * FROM read_parquet('secret.txt')
SELECT * FROM sniff_csv('secret.txt')
SELECT * FROM parquet_metadata('secret.txt')
SELECT * FROM glob('*')
SELECT * FROM 'http://127.0.0.1:9/x.csv'
SELECT * FROM 'https://127.0.0.1:9/x.parquet'
SELECT * FROM read_csv('/dev/stdin')
SELECT * FROM query('SELECT * FROM read_text(''secret.txt'')')
SELECT * FROM duckdb_secrets()
SELECT * FROM which_secret('s3://x', 's3')
SELECT * FROM enable_logging(storage = 'file')
ATTACH 'other.db'
ATTACH 'secret.txt' AS other (TYPE sqlite)
ATTACH ':memory:' AS other
DETACH memory
USE memory
INSTALL httpfs
FORCE INSTALL httpfs FROM 'http://127.0.0.1:9'
LOAD httpfs
LOAD './evil.duckdb_extension'
UPDATE EXTENSIONS
COPY sales TO 'out.csv'
COPY sales FROM 'secret.txt'
COPY (SELECT 1) TO 'out.parquet'
COPY FROM DATABASE memory TO memory
EXPORT DATABASE 'out'
IMPORT DATABASE 'out'
CREATE SECRET s (TYPE s3)
CREATE TABLE t AS SELECT 1
CREATE TEMP TABLE t (a INT)
CREATE VIEW v AS SELECT * FROM read_text('secret.txt')
CREATE MACRO m() AS TABLE SELECT * FROM read_text('secret.txt')
CREATE SEQUENCE q
INSERT INTO sales SELECT * FROM sales
UPDATE sales SET Region = 'x'
DELETE FROM sales
TRUNCATE sales
MERGE INTO sales USING sales AS s ON false WHEN MATCHED THEN DELETE
WITH x AS (SELECT 1) DELETE FROM sales
WITH x AS (DELETE FROM sales RETURNING *) SELECT * FROM x
DROP TABLE sales
ALTER TABLE sales RENAME TO s
SET memory_limit = '100GB'
SET enable_external_access = true
SET lock_configuration = false
RESET lock_configuration
SET VARIABLE x = 1
PRAGMA threads = 64
PRAGMA enable_profiling
PRAGMA database_list
CALL enable_logging()
BEGIN
COMMIT
ROLLBACK
CHECKPOINT
VACUUM
ANALYZE
PREPARE p AS SELECT 1
EXECUTE p
EXPLAIN ANALYZE SELECT 1
"""


def test_nothing_but_the_table_of_a_csv_file_is_reached(api: Api, tmp_path: Path) -> None:
    file = api.write("sales.csv", SALES)
    (tmp_path / "secret.txt").write_text("a,b\n1,secret\n")
    with chdir(tmp_path), opened(api, file) as database:
        for sql in FORBIDDEN_IN_CSV.strip().splitlines():
            with pytest.raises(ToolRetryError) as raised:
                database.run(sql)
            assert "Only reading is allowed" in str(raised.value), f"{sql}: {raised.value}"
        assert database.run("SELECT count(*) FROM sales").shown == [(3,)]
    assert {path.name for path in tmp_path.rglob("*")} == {"files", "sales.csv", "secret.txt"}


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1; DROP TABLE sales", "one statement"),
        ("selct 1", "syntax error"),
        ("-- nothing", "no query"),
        ("", "no query"),
        ("SELECT '\ud800'", "SQL error"),
        ("SELECT " + "(" * 900 + "1" + ")" * 900, "depth"),
        ("SELECT getenv('HOME')", "getenv"),
        ("SELECT * FROM here", "does not exist"),
        ("SELECT * FROM sqlite_scan('x', 'y')", "SQL error"),
        ("SELECT Region + 1 FROM sales", "explicit type casts"),
    ],
)
def test_what_cannot_run_over_a_csv_file_says_why(api: Api, sql: str, told: str) -> None:
    here = [1]  # what a variable of the process holds is no table
    with pytest.raises(ToolRetryError, match=told):
        found(api, api.write("sales.csv", SALES), sql)
    assert here


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(1000000000000)",
        ENDLESS + "SELECT max(n) FROM t",
        "SELECT sum(hash(a.range)) FROM range(1000000000) a, range(10000) b",
    ],
)
def test_an_endless_query_over_a_csv_file_is_stopped(
    api: Api, sql: str, eventually: Eventually
) -> None:
    file = api.write("sales.csv", SALES)
    with opened(api, file, Limits(time_s=0.25)) as database:
        with pytest.raises(ToolRetryError, match=r"longer than 0\.25 s"):
            database.run(sql)
        eventually(lambda: is_answered(database))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT repeat('x', 2000000000)",
        "SELECT len(range(1000000000))",
        "SELECT string_agg(a.Region || repeat('z', 100000)) FROM sales a, range(100000)",
        "SELECT list(repeat('z', 100000) || r.range) FROM range(100000) r",
    ],
)
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not bound a process's memory")
def test_a_growing_query_over_a_csv_file_is_stopped(api: Api, sql: str) -> None:
    with pytest.raises(ToolRetryError, match="too much memory"):
        query_table(api.write("sales.csv", SALES), sql, api=api)


def test_values_of_all_types_can_be_shown(api: Api) -> None:
    sql = (
        "SELECT true AS a, [1, 2] AS b, {'x': 1} AS c, INTERVAL 1 DAY AS d, '1'::BLOB AS e, "
        "1.50::DECIMAL(9,2) AS f, NULL AS g, 'NaN'::DOUBLE AS h, uuid() AS i, 10::HUGEINT AS j"
    )
    text = query_table(api.write("sales.csv", SALES), sql, api=api)
    assert "True | [1, 2] | {'x': 1} | 1 day, 0:00:00 | (1 bytes) | 1.50" in text


def test_rows_without_end_are_counted_up_to_a_limit(api: Api, shop: str) -> None:
    limits = Limits(counted_rows=500)
    with opened(api, shop, limits) as database:
        found = database.run(ENDLESS + "SELECT n FROM t", 3)
    assert (found.shown, found.count, found.is_counted) == ([(1,), (2,), (3,)], 500, False)


def test_a_query_after_one_that_was_stopped_has_its_own_time(
    api: Api, shop: str, eventually: Eventually
) -> None:
    limits = Limits(time_s=0.25)
    with opened(api, shop, limits) as database:
        with pytest.raises(ToolRetryError):
            database.run(ENDLESS + "SELECT max(n) FROM t", 1)
        eventually(lambda: is_answered(database))


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
    assert "- Amount: number, headed 'Amount ($)', 1 empty, from 20.5 to 1234.5" in prompt
    assert "North  | 1234.5 | 2026-01-03" in prompt
    assert QUESTION in prompt
    assert api.closes == 1


def test_sql_that_does_not_run_is_corrected_once(api: Api) -> None:
    api = question_about_sales(api, "SELECT cost FROM sales", "SELECT max(Amount) m FROM sales")
    assert "1234.5" in ask_table("sales.csv", QUESTION, api=api)
    assert '"cost" not found' in api.prompts[1]
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
