# CoAP through a modem on a serial line that sends and receives datagrams by AT commands.
# The commands are those of NB-IoT modems of the Quectel BC95 family (SARA-N2 has the same): a model for yours.
#
#   modem_socket.py client IP PORT PATH...   asks for each path
#   modem_socket.py server PORT COUNT        answers COUNT requests
#
# With no board and no modem at hand: make demo-esp8266.
import binascii
import errno
import sys
import time

import machine
import microcoapy

STREAM_POLL = 3
STREAM_POLL_RD = 1


class ModemSocket:
    """What microcoapy needs of a socket, by AT commands on a UART."""

    def __init__(self, uart, port=0, timeout_ms=5000):
        self.uart = uart
        self.timeout_ms = timeout_ms  # how long an answer may take
        self.received = b""  # of a line that is not complete
        self.arrived = True  # whether a datagram may be waiting: the modem says so once, and one may be from before
        self.command("AT")
        self.number = int(self.command("AT+NSOCR=DGRAM,17,%d,1" % port))

    def line(self):
        """The next line that is not empty; None if none is complete yet."""
        while True:
            end = self.received.find(b"\n")
            if end < 0:
                more = self.uart.read(256)
                if not more:
                    return None
                self.received += more
                continue
            line = self.received[:end].strip().decode()
            self.received = self.received[end + 1 :]
            if line.startswith("+NSONMI:"):
                self.arrived = True
            elif line:
                return line

    def command(self, text):
        """Sends a command; its answer, "" if that is only OK."""
        self.uart.write(text + "\r\n")
        answer = ""
        start = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), start) < self.timeout_ms:
            line = self.line()
            if line == "OK":
                return answer
            if line == "ERROR":
                raise OSError(errno.EIO)
            if line is None:
                time.sleep_ms(1)
            elif line != text:  # modems echo commands, unless told not to
                answer = line
        raise OSError(errno.ETIMEDOUT)

    # ---- what microcoapy calls ----

    def sendto(self, data, address):
        command = "AT+NSOST=%d,%s,%d,%d,%s"
        self.command(command % (self.number, address[0], address[1], len(data), binascii.hexlify(data).decode()))
        return len(data)

    def recvfrom(self, size):
        self.line()  # an announcement, if there is one
        if not self.arrived:
            return None
        answer = self.command("AT+NSORF=%d,%d" % (self.number, size))
        if not answer:
            self.arrived = False
            return None
        _, ip, port, _, data, rest = answer.split(",")
        if rest != "0":
            self.command("AT+NSORF=%d,%s" % (self.number, rest))  # a datagram is taken whole or not at all
            return None
        return binascii.unhexlify(data), (ip, int(port))

    def ioctl(self, request, argument):
        """Whether recvfrom is worth a call. Without this method it is called every few milliseconds."""
        if request != STREAM_POLL:
            return -1
        return argument & STREAM_POLL_RD if self.arrived or self.uart.any() else 0

    def setblocking(self, flag):
        pass  # recvfrom never waits for a datagram

    def close(self):
        self.command("AT+NSOCL=%d" % self.number)


def client(ip, port, paths):
    def received(packet, sender):
        print("%d.%02d from %s:%d: %s" % (packet.method >> 5, packet.method & 31, sender[0], sender[1], packet.text))

    def failed(error, sender):
        print("no answer from", sender, error)

    coap = microcoapy.Coap()
    coap.setCustomSocket(ModemSocket(machine.UART(0, 9600)))
    coap.responseCallback = received
    coap.errorCallback = failed
    for path in paths:
        print("GET %s: %d bytes" % (path, coap.get(ip, port, path)))
        coap.poll(10000)
    coap.stop()


def server(port, count):
    level = "21.5"

    def measure(packet, ip, port):
        nonlocal level
        print("request %d.%02d of %s, %s" % (packet.method >> 5, packet.method & 31, ip, packet.text or "no payload"))
        code = microcoapy.COAP_RESPONSE_CODE.COAP_CONTENT
        if packet.method == microcoapy.COAP_METHOD.COAP_PUT:
            level = packet.text
            code = microcoapy.COAP_RESPONSE_CODE.COAP_CHANGED
        text = microcoapy.COAP_CONTENT_FORMAT.COAP_TEXT_PLAIN
        coap.sendResponse(ip, port, packet.messageid, level, code, text, packet.token)

    coap = microcoapy.Coap()
    coap.setCustomSocket(ModemSocket(machine.UART(0, 9600), port))
    coap.addIncomingRequestCallback("measure", measure)
    print("ready")
    for _ in range(count):
        coap.poll(60000)
    coap.stop()


if sys.argv[1] == "client":
    client(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
else:
    server(int(sys.argv[2]), int(sys.argv[3]))
