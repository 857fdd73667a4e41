"""Tables as parquet, so that the same rows give the same bytes."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from speechlip.files.writing import make_folder, whole_file

if TYPE_CHECKING:
    from pyarrow import Table


def write_parquet(path: Path, table: "Table") -> str:
    """Write ``table`` and return the file's SHA-256.

    The same rows give the same bytes with the same pyarrow release. The file is not compressed: zlib and zstd
    give other bytes from release to release, and dictionaries already fold what occurs again and again.
    """
    import pyarrow
    import pyarrow.parquet

    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(
        table.combine_chunks(),
        sink,
        compression="none",
        store_schema=False,
        version="2.6",
        write_statistics=False,
    )
    data = sink.getvalue().to_pybytes()
    make_folder(path.parent)
    with whole_file(path) as file:
        file.write(data)
    return hashlib.sha256(data).hexdigest()
