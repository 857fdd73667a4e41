"""Tables as parquet, so that the same rows give the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

from speechlip.files.stamps import sha256_of
from speechlip.files.writing import make_folder, whole_file

if TYPE_CHECKING:
    from pyarrow import Table


def write_parquet(path: Path, table: "Table") -> str:
    """Write ``table`` and return the file's SHA-256.

    The same rows give the same bytes with the same pyarrow release. The file is not compressed: zlib and zstd
    give other bytes from release to release, and dictionaries already fold what occurs again and again.
    """
    import pyarrow.parquet

    make_folder(path.parent)
    with whole_file(path) as file:
        pyarrow.parquet.write_table(
            table.combine_chunks(),
            file,
            compression="none",
            store_schema=False,
            version="2.6",
            write_statistics=False,
        )
    return sha256_of(path)
