"""The version of the package, which is that of the server that it is released with."""

VERSION = "0.1.0"
