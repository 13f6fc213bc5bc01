# heapsize: 96k
# timeout: 120
# The high-water mark of the heap in a transfer of 1 MB and in one of 4 KB: the same, within 1 KB, on both sides together.
# The collector may keep a dead part by chance for a while (support.scrub), but what a transfer keeps stays to its end: in
# the long one a mark counts when WINDOW measurements on end are not below it. A stale word of the C stack may keep a dead
# part longer: what does not come again with each of ATTEMPTS pairs of transfers was that.
# needs: block
import microcoapy
from growing import heap
from support import finish, pair


client, server, net = pair(message_store=4096)
HOST = "coap://10.0.0.2/"
WINDOW = 16
ATTEMPTS = 3
window = 1
high = 0
steps = 0
recent = []


def measure():
    """What is live now: at every part at first, then at every 16th, to save time."""
    global high, steps
    steps += 1
    if steps < 64 or steps & 15 == 0:
        recent.append(heap())
        if len(recent) == window:
            high = max(high, min(recent))
            recent.clear()


class Source:
    def __init__(self, length):
        self.left = length

    def readinto(self, buffer):
        measure()
        count = min(self.left, len(buffer))
        for i in range(count):
            buffer[i] = self.left - i & 255
        self.left -= count
        return count


class Sink:
    def __init__(self, length):
        self.left = length

    def write(self, data):
        measure()
        # the first and the last byte of each part show whether it is the right one
        assert data[0] == self.left & 255 and data[-1] == self.left - len(data) + 1 & 255
        self.left -= len(data)


@server.resource("down")
def down(request):
    return Source(int(request.query))


@server.resource("generated")
def generated(request):
    left = int(request.query)
    while left:
        part = bytes(left - i & 255 for i in range(min(left, 100)))
        left -= len(part)
        yield part


def sink(request):
    return Sink(int(request.query))


@server.resource("up", methods=("PUT",), into=sink)
def up(request):
    return "%d" % request.body.left


def download(length, path="down"):
    target = Sink(length)
    response = finish(client.get("%s%s?%d" % (HOST, path, length), into=target), client, server)
    assert response.ok and target.left == 0, (response, target.left)


def upload(length):
    response = finish(client.put("%sup?%d" % (HOST, length), body=Source(length)), client, server)
    assert response.text == "0", response


def generate(length):
    download(length, "generated")


def high_water(transfer, length, number):
    """The mark that `number` measurements on end were not below."""
    global high, steps, window
    transfer(4096)
    high = steps = 0
    window = number
    recent.clear()
    transfer(length)
    assert high
    return high


def excess(transfer):
    """Bytes by which the mark of the long transfer is above that of the short one."""
    short = high_water(transfer, 4096, 1)
    return high_water(transfer, 1 << 20, WINDOW) - short


for transfer in (download, upload, generate):
    found = []
    while not found or (found[-1] > 1024 and len(found) < ATTEMPTS):
        found.append(excess(transfer))
    print(transfer.__name__, found[-1] <= 1024 or found, steps)
print(client.stats()["retransmitted"], client.stats()["exchanges_in_use"], server.stats()["bodies_in_use"])
