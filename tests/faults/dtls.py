# timeout: 300
# stderr: varies
# Each allocation of a request over DTLS fails in turn, that of a handshake among them: what it hit is lost or comes out, and
# then all works again.
import microcoapy
from dtls_net import IDENTITY, KEY
from injection import Case, inject
from memory_socket import net
from support import settle


SERVER_PORT, CLIENT_PORT = 5684, 40001


class Coaps(Case):
    """Each time with a handshake."""

    host = "coaps://127.0.0.1/"
    # A session is larger than what other cases leave to chance: more may look like pointers.
    sweeps = 7

    def __init__(self):
        self.keys = microcoapy.Dtls(psk_identity=IDENTITY, psk=KEY)
        super().__init__()
        self.net = net
        self.server.start(SERVER_PORT, dtls=microcoapy.Dtls(psks={IDENTITY: KEY}))
        self.client.start(CLIENT_PORT, dtls=self.keys)

    def endpoint(self, address):
        return microcoapy.Coap(**self.parameters)

    def run(self):
        self.client.stop()
        settle(self.server)
        self.client.start(CLIENT_PORT, dtls=self.keys)
        self.finish(self.client.get(self.host + "plain"))
        self.client.post("127.0.0.1", SERVER_PORT, "plain")
        settle(self.server, self.client)

    def recover(self):
        self.client.stop()
        # What could not be closed.
        for address in list(net.waiting):
            if address[1] != SERVER_PORT:
                del net.waiting[address]
        self.client.start(CLIENT_PORT, dtls=self.keys)


class Keys(Coaps):
    def run(self):
        microcoapy.Dtls(psk_identity=IDENTITY, psk=KEY, psks={IDENTITY: KEY})


for case in (Coaps, Keys):
    inject(case)
    inject(case, 1000)
