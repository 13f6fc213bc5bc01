# The resources of the ETSI CoAP plugtests that need neither block-wise transfer nor observe.
# Usage: micropython plugtest_server.py [port]
import sys
import time

import microcoapy
from microcoapy import COAP_CONTENT_FORMAT, COAP_METHOD, COAP_OPTION_NUMBER, COAP_RESPONSE_CODE, COAP_TYPE

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 5683
SEPARATE_AFTER_MS = 1000

GET, POST, PUT, DELETE = (
    COAP_METHOD.COAP_GET,
    COAP_METHOD.COAP_POST,
    COAP_METHOD.COAP_PUT,
    COAP_METHOD.COAP_DELETE,
)
CREATED = COAP_RESPONSE_CODE.COAP_CREATED
DELETED = COAP_RESPONSE_CODE.COAP_DELETED
VALID = COAP_RESPONSE_CODE.COAP_VALID
CHANGED = COAP_RESPONSE_CODE.COAP_CHANGED
CONTENT = COAP_RESPONSE_CODE.COAP_CONTENT
NOT_FOUND = COAP_RESPONSE_CODE.COAP_NOT_FOUND
METHOD_NOT_ALLOWED = COAP_RESPONSE_CODE.COAP_METHOD_NOT_ALLOWED
NOT_ACCEPTABLE = COAP_RESPONSE_CODE.COAP_NOT_ACCEPTABLE
PRECONDITION_FAILED = COAP_RESPONSE_CODE.COAP_PRECONDITION_FAILED
TEXT = COAP_CONTENT_FORMAT.COAP_TEXT_PLAIN
XML = COAP_CONTENT_FORMAT.COAP_APPLICATION_XML
NONE = COAP_CONTENT_FORMAT.COAP_NONE

server = microcoapy.Coap()


def values(packet, number):
    """The values of that option, in order."""
    return [bytes(option.buffer) for option in packet.options if option.number == number]


def respond(request, ip, port, code, payload=None, content_format=NONE, options=(), type=COAP_TYPE.COAP_ACK):
    """Answers with options; of type ACK while the handler runs, CON or NON for an answer that comes later."""
    response = microcoapy.CoapPacket()
    response.type = type
    response.method = code
    response.token = request.token
    response.messageid = request.messageid
    response.content_format = content_format
    if payload is not None:
        response.payload = payload
    for number, value in options:
        response.addOption(number, value)
    return server.sendPacket(ip, port, response)


def resource(path, **methods):
    """Serves `path` with a function (request, ip, port) per method; other methods get 4.05."""
    handlers = {{"get": GET, "post": POST, "put": PUT, "delete": DELETE}[name]: f for name, f in methods.items()}

    def dispatch(request, ip, port):
        handler = handlers.get(request.method)
        if handler is None:
            respond(request, ip, port, METHOD_NOT_ALLOWED)
        else:
            print(path, request.toString())
            handler(request, ip, port)

    server.addIncomingRequestCallback(path, dispatch)


def fixed(payload):
    return lambda request, ip, port: respond(request, ip, port, CONTENT, payload, TEXT)


class Stored:
    """A payload that may change or not exist; its ETag counts the changes."""

    def __init__(self, payload=None):
        self.payload = payload
        self.version = 1

    @property
    def tag(self):
        return b"%d" % self.version

    def get(self, request, ip, port):
        if self.payload is None:
            respond(request, ip, port, NOT_FOUND)
            return
        tag = [(COAP_OPTION_NUMBER.COAP_E_TAG, self.tag)]
        if self.tag in values(request, COAP_OPTION_NUMBER.COAP_E_TAG):
            respond(request, ip, port, VALID, options=tag)
        else:
            respond(request, ip, port, CONTENT, self.payload, TEXT, tag)

    def put(self, request, ip, port):
        if not self.precondition(request):
            respond(request, ip, port, PRECONDITION_FAILED)
            return
        code = CREATED if self.payload is None else CHANGED
        self.payload = request.payload
        self.version += 1
        respond(request, ip, port, code)

    def delete(self, request, ip, port):
        self.payload = None
        respond(request, ip, port, DELETED)

    def precondition(self, request):
        """RFC 7252 section 5.10.8: If-Match (empty: anything that exists) and If-None-Match."""
        if_match = values(request, COAP_OPTION_NUMBER.COAP_IF_MATCH)
        if if_match and (self.payload is None or (self.tag not in if_match and b"" not in if_match)):
            return False
        if_none_match = values(request, COAP_OPTION_NUMBER.COAP_IF_NONE_MATCH)
        return not (if_none_match and self.payload is not None)


def test_changed(request, ip, port):
    respond(request, ip, port, CHANGED)


def test_deleted(request, ip, port):
    respond(request, ip, port, DELETED)


def test_post(request, ip, port):
    path = COAP_OPTION_NUMBER.COAP_LOCATION_PATH
    location = [(path, "location1"), (path, "location2"), (path, "location3")]
    created.payload = request.payload
    respond(request, ip, port, CREATED, options=location)


def location_query(request, ip, port):
    query = COAP_OPTION_NUMBER.COAP_LOCATION_QUERY
    respond(request, ip, port, CREATED, options=[(query, "first=1"), (query, "second=2")])


def query(request, ip, port):
    respond(request, ip, port, CONTENT, "query: " + "&".join(v.decode() for v in query_of(request)), TEXT)


def query_of(request):
    return values(request, COAP_OPTION_NUMBER.COAP_URI_QUERY)


def multi_format(request, ip, port):
    accept = values(request, COAP_OPTION_NUMBER.COAP_ACCEPT)
    wanted = int.from_bytes(accept[0], "big") if accept else TEXT
    if wanted == TEXT:
        respond(request, ip, port, CONTENT, "21.5 C", TEXT)
    elif wanted == XML:
        respond(request, ip, port, CONTENT, "<temperature unit='C'>21.5</temperature>", XML)
    else:
        respond(request, ip, port, NOT_ACCEPTABLE)


waiting = []  # answers of /separate still to come: (time, request, ip, port)


def separate(request, ip, port):
    # Returning without an answer acknowledges the request; the main loop answers later.
    waiting.append((time.ticks_add(time.ticks_ms(), SEPARATE_AFTER_MS), request, ip, port))


def answer_waiting():
    """Sends the answers that are due; milliseconds until the next one."""
    while waiting:
        due, request, ip, port = waiting[0]
        left = time.ticks_diff(due, time.ticks_ms())
        if left > 0:
            return left
        waiting.pop(0)
        respond(request, ip, port, CONTENT, "this took a while", TEXT, type=request.type)  # CON or NON, as asked
    return 60000


created = Stored()
validate = Stored("first content")
create1 = Stored()

resource("test", get=fixed("a test resource"), put=test_changed, post=test_post, delete=test_deleted)
resource("separate", get=separate)
resource("query", get=query)
resource("seg1/seg2/seg3", get=fixed("three segments"))
resource("location1/location2/location3", get=created.get, put=created.put, delete=created.delete)
resource("location-query", post=location_query)
resource("multi-format", get=multi_format)
resource("validate", get=validate.get, put=validate.put)
resource("create1", get=create1.get, put=create1.put, delete=create1.delete)

server.start(PORT)
print("plugtest server listens on port", PORT)

try:
    while True:
        server.poll(answer_waiting())
except KeyboardInterrupt:
    server.stop()
