# SPDX-License-Identifier: MIT
# What the protected ends of the benchmark share; runs under CPython and build/micropython.
SECRET = bytes(range(1, 17))
SALT = bytes(range(8))
CLIENT, SERVER = b"c", b"s"
