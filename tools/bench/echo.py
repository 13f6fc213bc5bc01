# SPDX-License-Identifier: MIT
# Runs under build/micropython: sends every datagram back, with nothing but MicroPython's socket. Usage: echo.py PORT
import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(socket.getaddrinfo("127.0.0.1", int(sys.argv[1]))[0][-1])
print("ready")
while True:
    data, address = sock.recvfrom(2048)
    sock.sendto(data, address)
