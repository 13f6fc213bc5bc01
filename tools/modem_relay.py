#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A modem for boards that have none: AT commands on a pseudo-terminal, UDP sockets of this machine behind it.

Usage: tools/modem_relay.py [--address ADDRESS] [--verbose]
Prints the terminal's path, then serves until it is ended. --address: where its sockets are bound (127.0.0.1).

The commands are those of NB-IoT modems of the Quectel BC95 family, for UDP; bytes are written as hexadecimal digits:
  AT+NSOCR=DGRAM,17,PORT,1               opens a socket; answers its number
  AT+NSOST=SOCKET,ADDRESS,PORT,LEN,DATA  sends a datagram; answers SOCKET,LEN
  AT+NSORF=SOCKET,LEN                    takes the oldest datagram: SOCKET,ADDRESS,PORT,LEN,DATA,LEFT; nothing if none
  AT+NSOCL=SOCKET                        closes
Each answer ends with OK or ERROR. '+NSONMI:SOCKET,LEN' comes unasked when a datagram arrives and none was waiting.
"""

import argparse
import collections
import os
import selectors
import signal
import socket
import sys
import tty

SOCKETS_MAX = 7
DATAGRAM_MAX = 1358
QUEUE_MAX = 16


class Refused(Exception):
    """The answer is ERROR."""


class Modem:
    def __init__(self, address, verbose):
        self.address = address
        self.verbose = verbose
        self.selector = selectors.DefaultSelector()
        # The terminal stays open here, so that the board may open and close it.
        self.line, self.terminal = os.openpty()
        tty.setraw(self.terminal)
        os.set_blocking(self.line, False)
        self.selector.register(self.line, selectors.EVENT_READ, self.receive_line)
        self.path = os.ttyname(self.terminal)
        self.typed = b""
        self.unsent = b""
        self.sockets = {}
        self.waiting = {}
        self.commands = {
            "": self.attention,
            "+NSOCR": self.open,
            "+NSOST": self.send,
            "+NSORF": self.take,
            "+NSOCL": self.close,
        }

    def serve(self):
        while True:
            for key, mask in self.selector.select():
                if mask & selectors.EVENT_WRITE:
                    self.flush()
                if mask & selectors.EVENT_READ:
                    key.data()

    # ---- the serial line ------------------------------------------------------------------------

    def say(self, text):
        if self.verbose:
            print("modem < " + text, flush=True)
        self.unsent += ("\r\n%s\r\n" % text).encode()
        self.flush()

    def flush(self):
        try:
            self.unsent = self.unsent[os.write(self.line, self.unsent) :] if self.unsent else b""
        except BlockingIOError:
            pass
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.unsent else 0)
        self.selector.modify(self.line, events, self.receive_line)

    def receive_line(self):
        self.typed += os.read(self.line, 4096)
        while b"\r" in self.typed:
            command, _, self.typed = self.typed.partition(b"\r")
            command = command.decode("ascii", "replace").strip()
            if command:
                self.execute(command)

    def execute(self, command):
        if self.verbose:
            print("modem > " + command, flush=True)
        name, _, arguments = command[2:].partition("=")
        try:
            if command[:2].upper() != "AT" or name.upper() not in self.commands:
                raise Refused
            answer = self.commands[name.upper()](*(arguments.split(",") if arguments else []))
        except (Refused, TypeError, ValueError, OSError):
            self.say("ERROR")
            return
        if answer is not None:
            self.say(answer)
        self.say("OK")

    # ---- commands -------------------------------------------------------------------------------

    def attention(self):
        return None

    def socket(self, number):
        if int(number) not in self.sockets:
            raise Refused
        return int(number)

    def open(self, kind, protocol, port, receive="1"):
        free = [number for number in range(SOCKETS_MAX) if number not in self.sockets]
        if kind != "DGRAM" or protocol != "17" or receive != "1" or not free:
            raise Refused
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.bind((self.address, int(port)))
        except OSError:
            sock.close()
            raise
        sock.setblocking(False)
        number = free[0]
        self.sockets[number] = sock
        self.waiting[number] = collections.deque()
        self.selector.register(sock, selectors.EVENT_READ, lambda: self.arrived(number))
        return str(number)

    def send(self, number, address, port, length, data):
        number = self.socket(number)
        datagram = bytes.fromhex(data)
        if len(datagram) != int(length) or len(datagram) > DATAGRAM_MAX:
            raise Refused
        self.sockets[number].sendto(datagram, (address, int(port)))
        return "%d,%d" % (number, len(datagram))

    def take(self, number, length):
        number = self.socket(number)
        waiting = self.waiting[number]
        if not waiting:
            return None
        data, (address, port) = waiting[0]
        part = data[: int(length)]
        rest = data[int(length) :]
        if rest:
            waiting[0] = rest, (address, port)
        else:
            waiting.popleft()
        return "%d,%s,%d,%d,%s,%d" % (number, address, port, len(part), part.hex().upper(), len(rest))

    def close(self, number):
        number = self.socket(number)
        self.selector.unregister(self.sockets[number])
        self.sockets.pop(number).close()
        del self.waiting[number]

    # ---- the network ----------------------------------------------------------------------------

    def arrived(self, number):
        try:
            data, sender = self.sockets[number].recvfrom(65536)
        except OSError:
            return  # the error of an earlier datagram
        waiting = self.waiting[number]
        # What modems do with datagrams that are too long or too many.
        if len(data) > DATAGRAM_MAX or not data or len(waiting) >= QUEUE_MAX:
            return
        waiting.append((data, sender))
        if len(waiting) == 1:
            self.say("+NSONMI:%d,%d" % (number, len(data)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    modem = Modem(arguments.address, arguments.verbose)
    print(modem.path, flush=True)
    modem.serve()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        main()
    except KeyboardInterrupt:
        pass
