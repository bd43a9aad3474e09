"""The side of a measurement that runs on a board: it starts a worker there, and outlives a link.

It is brought over by `board` with the measuring part of this package, and needs Python, NumPy,
msgspec and the runtime. A measurement runs detached and writes what it has to say into its folder;
whoever follows it may lose the connection and come back. Nobody comes back within the lease: it
ends itself and takes its folder along.
"""
