"""Small images as PNG files in data URIs, the same bytes on every machine.

Nothing is compressed, since zlib's output differs between its versions.
"""

import base64
import struct
import zlib
from collections.abc import Iterable

from torch import Tensor

GREY, RGB = 0, 2  # the kinds of pixel, as PNG numbers them


def data_uri(rows: Iterable[bytes], width: int, height: int, bits: int, kind: int) -> str:
    """A PNG from the bytes of its rows, first row on top; at most 65,535 bytes with one more for each row."""
    raw = b"".join(b"\0" + row for row in rows)  # 0: no filter

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    stored = b"\x78\x01\x01" + struct.pack("<HH", len(raw), 0xFFFF - len(raw)) + raw
    stored += struct.pack(">I", zlib.adler32(raw))
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


def photo_uri(image: Tensor) -> str:
    """A photograph, uint8 (channels, height, width), grey or RGB, 0 black: every value as it is."""
    channels, height, width = image.shape
    rows = image.permute(1, 2, 0).reshape(height, width * channels).tolist()
    return data_uri(map(bytes, rows), width, height, 8, GREY if channels == 1 else RGB)
