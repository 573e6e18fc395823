"""Make small workbooks by hand, for no library here writes any: XLSX as XML in a zip, XLS as records in a container."""

import datetime
import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Value = str | int | float | bool | datetime.date | None
Rows = Sequence[Sequence[Value]]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


class Formula(str):
    """A cell that holds a formula and the number it came to when it was saved."""


def xlsx(
    sheets: Mapping[str, Rows], hidden: Sequence[str] = (), merged: Mapping[str, Sequence[str]] | None = None
) -> bytes:
    """An XLSX file: sheets by name; text, numbers, days and formulas with a stored value."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", _content_types())
        book.writestr("_rels/.rels", _relations({"rId1": ("officeDocument", "xl/workbook.xml")}))
        book.writestr("xl/workbook.xml", _book(list(sheets), hidden))
        targets = {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)}
        book.writestr("xl/_rels/workbook.xml.rels", _relations(targets | {"rId99": ("styles", "styles.xml")}))
        book.writestr("xl/styles.xml", f'<styleSheet xmlns="{MAIN}">{_styles()}</styleSheet>')
        for n, (name, rows) in enumerate(sheets.items(), start=1):
            book.writestr(f"xl/worksheets/sheet{n}.xml", _xml_sheet(rows, (merged or {}).get(name, ())))
    return packed.getvalue()


def _content_types() -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}"/></Types>'
    )


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    each = (f'<Relationship Id="{id}" Type="{OFFICE}/{kind}" Target="{to}"/>' for id, (kind, to) in targets.items())
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(each)}</Relationships>'


def _book(names: Sequence[str], hidden: Sequence[str]) -> str:
    states = dict.fromkeys(hidden, ' state="hidden"')
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"{states.get(name, "")}/>'
        for n, name in enumerate(names, start=1)
    )
    return f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _styles() -> str:
    return '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'


def _xml_sheet(rows: Rows, merged: Sequence[str]) -> str:
    body = "".join(
        f'<row r="{n}">{"".join(_xml_cell(value, f"{chr(65 + at)}{n}") for at, value in enumerate(row))}</row>'
        for n, row in enumerate(rows, start=1)
    )
    spans = "".join(f'<mergeCell ref="{span}"/>' for span in merged)
    joined = f'<mergeCells count="{len(merged)}">{spans}</mergeCells>' if merged else ""
    return f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData>{joined}</worksheet>'


def _xml_cell(value: Value, place: str) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, Formula):
        return f'<c r="{place}"><f>A1+1</f><v>{value}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime.date):
        return f'<c r="{place}" s="1"><v>{(value - datetime.date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def xls(sheets: Mapping[str, Rows]) -> bytes:
    """An XLS file of Excel 97: texts and numbers."""
    bodies = [_biff_sheet(rows) for rows in sheets.values()]
    names = [_record(0x85, struct.pack("<IBBBB", 0, 0, 0, len(name), 0) + name.encode("latin-1")) for name in sheets]
    start = len(_bof(0x05)) + sum(map(len, names)) + len(_record(0x0A, b""))
    stream = _bof(0x05)
    for name, body in zip(names, bodies, strict=True):
        stream += name[:4] + struct.pack("<I", start) + name[8:]
        start += len(body)
    return _container(stream + _record(0x0A, b"") + b"".join(bodies))


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _bof(kind: int) -> bytes:
    return _record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 0x06))


def _biff_sheet(rows: Rows) -> bytes:
    body = _bof(0x10) + _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0))
    for n, row in enumerate(rows):
        for at, value in enumerate(row):
            if isinstance(value, int | float):
                body += _record(0x0203, struct.pack("<HHHd", n, at, 0, value))
            elif value:
                text = str(value).encode("utf-16-le")
                body += _record(0x0204, struct.pack("<HHHHB", n, at, 0, len(text) // 2, 1) + text)
    return body + _record(0x0A, b"")


def _container(stream: bytes) -> bytes:
    """Lay one stream named Workbook into a compound file of 512-byte sectors."""
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    n = len(stream) // 512
    chain = [FAT, END, *range(3, n + 2), END]
    table = b"".join(struct.pack("<I", one) for one in chain).ljust(512, b"\xff")
    assert len(table) == 512, "one sector of the table is enough for tests"
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, END, 0, END, 0)
    header += struct.pack("<I", 0) + struct.pack("<I", FREE) * 108
    root = _entry("Root Entry", 5, child=1, start=END, size=0)
    book = _entry("Workbook", 2, child=FREE, start=2, size=len(stream))
    return header + table + root + book + bytes(256) + stream


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    entry = wide.ljust(64, b"\0") + struct.pack("<HBBIII", len(wide), kind, 1, FREE, FREE, child)
    return entry + bytes(16 + 4 + 16) + struct.pack("<IQ", start, size)
