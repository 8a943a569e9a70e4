"""What the operating system does for us: disk, processes, BLAS threads; and places that can be made to fail."""
