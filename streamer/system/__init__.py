"""The parts that use the operating system: disk, processes, BLAS threads; and failpoints."""
