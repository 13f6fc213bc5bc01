# SPDX-License-Identifier: MIT
# MicroPython's errno, what of it the examples use.
errorcode: dict[int, str]
EAGAIN: int
ECANCELED: int
ECONNABORTED: int
ECONNRESET: int
EHOSTUNREACH: int
EIO: int
EMSGSIZE: int
ENOBUFS: int
ENOTCONN: int
ETIMEDOUT: int
