"""Compiles the kernels for a Hopper GPU, on a machine that has none, and prints what came out.

A program of its own: where kernels are interpreted nothing can be compiled.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from passband.kernels.gpu.tiles import Problem, Tile, tiles

_POINTERS = ("maps", "spectrum", "rows", "columns")
_REALS = ("weight", "own_weight", "own_ratio")
_TYPES = {2: "*bf16", 4: "*fp32"}


def lower(
    problem: Problem, tile: Tile, *, stages: int, last: bool, turned: bool, aligned: bool
) -> dict[str, Any]:
    """Resources of a compiled kernel: registers, bytes of stack (spills) and of shared memory."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from passband.kernels.gpu.launch import constants_of, kernel_of

    kernel: Any = kernel_of(problem.direction)
    constants = {**constants_of(problem, (1, 1)), **tile.sides(), "LAST": last, "TURNED": turned}
    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
    signature = {}
    for name in kernel.arg_names:
        given = _TYPES[problem.itemsize] if name in _POINTERS else "i32"
        signature[name] = "fp32" if name in _REALS else given
        signature[name] = "constexpr" if name in constants else signature[name]
    multiples = {  # as a launch finds them
        (i,): [["tt.divisibility", 16]]
        for i, name in enumerate(kernel.arg_names)
        if name in _POINTERS or (aligned and name not in constants and name not in _REALS)
    }
    compiled = triton.compile(
        ASTSource(kernel, signature, constants, multiples),
        target=GPUTarget("cuda", 90, 32),
        options={"num_warps": tile.warps, "num_stages": stages},
    )
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        command = [str(tool), "--dump-resource-usage", file.name]
        usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ptx = compiled.asm["ptx"]
    return {
        "registers": int(re.findall(r"REG:(\d+)", usage)[0]),
        "stack": int(re.findall(r"STACK:(\d+)", usage)[0]),
        "shared": compiled.metadata.shared,
        "products": len(re.findall(r"wgmma\.mma_async|mma\.sync", ptx)),
        "ahead": len(re.findall(r"cp\.async\.c", ptx)),
        "widest": sorted(set(re.findall(r"(?:ld|st)\.global[.\w]*\.(v\d\.b\d+)", ptx))),
    }


def main() -> None:
    """Problems come as lines of JSON, and so does what came out, for each tile tried."""
    for line in sys.stdin:
        given = json.loads(line)
        problem = Problem(**given["problem"])
        for tile in tiles(problem)[: given["tiles"]]:
            how = {key: given[key] for key in ("stages", "last", "turned", "aligned")}
            print(json.dumps({"tile": str(tile), **lower(problem, tile, **how)}), flush=True)


if __name__ == "__main__":
    main()
