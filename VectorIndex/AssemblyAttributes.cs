// Stack buffers on hot paths are written before they are read.
[module: System.Runtime.CompilerServices.SkipLocalsInit]
