"""Reads SAS transport files (version 5), the format of the public NHANES tables.

A file is a sequence of records of 80 bytes: headers, a description of 140 bytes for each variable, and the rows. Numbers are
IBM floating point: a sign bit, a power of 16 with an excess of 64, and a fraction of 56 bits.
"""

import struct

RECORD = 80
VARIABLE = 140
OBSERVATIONS = b"HEADER RECORD*******OBS     HEADER RECORD"
VARIABLES = b"HEADER RECORD*******NAMESTR HEADER RECORD"
LIBRARY = b"HEADER RECORD*******LIBRARY HEADER RECORD"


class Unreadable(Exception):
    """The bytes are not a transport file of version 5 with one table."""


def number(field):
    """The value of a field; None if it is missing."""
    field = field.ljust(8, b"\0")
    if field[0] in b"._ABCDEFGHIJKLMNOPQRSTUVWXYZ" and not field[1:].strip(b"\0"):
        return None
    bits = int.from_bytes(field, "big")
    fraction = bits & (1 << 56) - 1
    power = (bits >> 56 & 0x7F) - 64
    value = fraction / (1 << 56) * 16.0**power
    return -value if bits >> 63 else value


def rows(data):
    """The rows as dictionaries by variable name: numbers, None or texts."""
    if not data.startswith(LIBRARY):
        raise Unreadable("does not begin with a library header")
    place = data.find(VARIABLES)
    if place < 0:
        raise Unreadable("describes no variables")
    count = int(data[place + 54 : place + 58])
    first = place + RECORD
    described = -(-count * VARIABLE // RECORD) * RECORD
    header = first + described
    if data[header : header + len(OBSERVATIONS)] != OBSERVATIONS:
        raise Unreadable("has no rows after its variables")
    variables = []
    for index in range(count):
        start = first + index * VARIABLE
        kind, _, length, _ = struct.unpack_from(">hhhh", data, start)
        name = data[start + 8 : start + 16].decode("ascii").strip().upper()
        (position,) = struct.unpack_from(">l", data, start + 84)
        variables.append((name, kind == 1, position, length))
    width = max(position + length for _, _, position, length in variables)
    body = data[header + RECORD :]
    for start in range(0, len(body) - width + 1, width):
        row = body[start : start + width]
        if not row.strip(b" "):
            # The last record is filled with blanks.
            return
        yield {
            name: number(row[at : at + length]) if numeric else row[at : at + length].decode("latin-1").strip()
            for name, numeric, at, length in variables
        }
