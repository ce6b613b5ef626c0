#!/usr/bin/env python3
"""Runs one of the tools of WebAssembly with its memory in huge pages.

    .venv/bin/python scripts/huge_pages.py TOOL ARGUMENTS..

Place and route touches hundreds of megabytes at random. Where Linux gives huge pages to who asks for them
(`/sys/kernel/mm/transparent_hugepage/enabled` is `madvise`, Debian's default is `always`), these tools do not ask. What they
compute is the same. Where the system has none, the request is refused and nothing else changes.
"""

import ctypes
import importlib.metadata
import sys

import wasmtime

# From Linux' mman.h.
MADV_HUGEPAGE = 14
# A WebAssembly memory's addresses have 32 bits, all of which wasmtime reserves.
MEMORY_BYTES = 1 << 32

instantiate_plainly = wasmtime.Linker.instantiate


def instantiate(linker, store, module):
    """What the tools' runtime calls before it starts the program."""
    instance = instantiate_plainly(linker, store, module)
    memory = instance.exports(store)["memory"]
    address = ctypes.cast(memory.data_ptr(store), ctypes.c_void_p)
    ctypes.CDLL(None).madvise(address, ctypes.c_size_t(MEMORY_BYTES), MADV_HUGEPAGE)
    return instance


def main():
    wasmtime.Linker.instantiate = instantiate
    tool, *arguments = sys.argv[1:]
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=tool)
    sys.argv = [tool, *arguments]
    sys.exit(entry.load()())


if __name__ == "__main__":
    main()
