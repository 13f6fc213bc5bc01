# SPDX-License-Identifier: MIT
"""CoAP for MicroPython: client and server on one object.

The classic layer is the API of microCoAPy: `get(ip, port, url)` returns a number of bytes, responses reach a callback.
The modern layer takes URIs: `get(uri)` returns an Exchange to wait for or to await. Both may be mixed.

Times whose name ends in `_ms`, those of the constructor and `timeoutMs` are milliseconds; `timeout` and `max_age` are
seconds. RFCs: 7252 (CoAP), 7641 (Observe), 7959 (block-wise transfer), 6690 (links), 8132 (FETCH, PATCH, iPATCH), 8613 (OSCORE).

Builds without Observe, block-wise transfer, discovery, OSCORE, DTLS or the modern layer lack what belongs to it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final, Generic, Protocol, TypeVar, overload

from typing_extensions import Buffer, Self, TypedDict, Unpack

__version__: str

_T_co = TypeVar("_T_co", covariant=True)

_Bytes = Buffer | str
_Address = Any
_Numbers = list[int] | tuple[int, ...]
"""(ip, port) of an IP peer; else whatever a custom socket or feed() uses as an address, if it can be told apart."""

class _Readinto(Protocol):
    def readinto(self, buffer: Any, /) -> int | None: ...

class _Read(Protocol):
    def read(self, size: int, /) -> _Bytes | None: ...

class _Write(Protocol):
    def write(self, data: Any, /) -> object: ...

class _BlockDevice(Protocol):
    """As esp32.Partition. Whole blocks are written, of the size that ioctl(5, 0) tells, else 512 bytes."""

    def writeblocks(self, block_num: int, buf: Any, /) -> object: ...
    def ioctl(self, op: int, arg: int, /) -> int | None: ...

_Body = _Bytes | _Readinto | _Read | Iterable[_Bytes]
_Sink = _Write | _BlockDevice

# ---- constants -----------------------------------------------------------------------------------

class COAP_TYPE:
    """Types of messages, RFC 7252 section 3."""

    COAP_CON: Final = 0
    COAP_NONCON: Final = 1
    COAP_ACK: Final = 2
    COAP_RESET: Final = 3

class COAP_METHOD:
    """Request codes, RFC 7252 section 12.1.1 and RFC 8132 section 6."""

    COAP_EMPTY_MESSAGE: Final = 0
    COAP_GET: Final = 1
    COAP_POST: Final = 2
    COAP_PUT: Final = 3
    COAP_DELETE: Final = 4
    COAP_FETCH: Final = 5
    COAP_PATCH: Final = 6
    COAP_IPATCH: Final = 7

class COAP_RESPONSE_CODE:
    """Response codes, RFC 7252 section 12.1.2: class << 5 | detail, 69 is 2.05."""

    COAP_CREATED: Final = 65
    COAP_DELETED: Final = 66
    COAP_VALID: Final = 67
    COAP_CHANGED: Final = 68
    COAP_CONTENT: Final = 69
    COAP_BAD_REQUEST: Final = 128
    COAP_UNAUTHORIZED: Final = 129
    COAP_BAD_OPTION: Final = 130
    COAP_FORBIDDEN: Final = 131
    COAP_NOT_FOUND: Final = 132
    COAP_METHOD_NOT_ALLOWD: Final = 133
    COAP_METHOD_NOT_ALLOWED: Final = 133
    COAP_NOT_ACCEPTABLE: Final = 134
    COAP_PRECONDITION_FAILED: Final = 140
    COAP_REQUEST_ENTITY_TOO_LARGE: Final = 141
    COAP_UNSUPPORTED_CONTENT_FORMAT: Final = 143
    COAP_INTERNAL_SERVER_ERROR: Final = 160
    COAP_NOT_IMPLEMENTED: Final = 161
    COAP_BAD_GATEWAY: Final = 162
    COAP_SERVICE_UNAVALIABLE: Final = 163
    COAP_SERVICE_UNAVAILABLE: Final = 163
    COAP_GATEWAY_TIMEOUT: Final = 164
    COAP_PROXYING_NOT_SUPPORTED: Final = 165
    # RFC 7959, 8132, 8516, 8768; not where the build has the classic layer alone
    COAP_CONTINUE: Final = 95
    COAP_REQUEST_ENTITY_INCOMPLETE: Final = 136
    COAP_CONFLICT: Final = 137
    COAP_UNPROCESSABLE_ENTITY: Final = 150
    COAP_TOO_MANY_REQUESTS: Final = 157
    COAP_HOP_LIMIT_REACHED: Final = 168

class COAP_OPTION_NUMBER:
    """RFC 7252 section 12.2."""

    COAP_IF_MATCH: Final = 1
    COAP_URI_HOST: Final = 3
    COAP_E_TAG: Final = 4
    COAP_IF_NONE_MATCH: Final = 5
    COAP_URI_PORT: Final = 7
    COAP_LOCATION_PATH: Final = 8
    COAP_URI_PATH: Final = 11
    COAP_CONTENT_FORMAT: Final = 12
    COAP_MAX_AGE: Final = 14
    COAP_URI_QUERY: Final = 15
    COAP_ACCEPT: Final = 17
    COAP_LOCATION_QUERY: Final = 20
    COAP_PROXY_URI: Final = 35
    COAP_PROXY_SCHEME: Final = 39
    # RFC 7641, 7959, 8768, 9175, 7967; not where the build has the classic layer alone
    COAP_OBSERVE: Final = 6
    COAP_HOP_LIMIT: Final = 16
    COAP_BLOCK2: Final = 23
    COAP_BLOCK1: Final = 27
    COAP_SIZE2: Final = 28
    COAP_SIZE1: Final = 60
    COAP_ECHO: Final = 252
    COAP_NO_RESPONSE: Final = 258
    COAP_REQUEST_TAG: Final = 292

class COAP_CONTENT_FORMAT:
    """RFC 7252 section 12.3, RFC 8949 section 9.4. COAP_NONE: no Content-Format option."""

    COAP_NONE: Final = -1
    COAP_TEXT_PLAIN: Final = 0
    COAP_APPLICATION_LINK_FORMAT: Final = 40
    COAP_APPLICATION_XML: Final = 41
    COAP_APPLICATION_OCTET_STREAM: Final = 42
    COAP_APPLICATION_EXI: Final = 47
    COAP_APPLICATION_JSON: Final = 50
    COAP_APPLICATION_CBOR: Final = 60
    # RFC 8428, 9290; not where the build has the classic layer alone
    COAP_APPLICATION_SENML_JSON: Final = 110
    COAP_APPLICATION_SENML_CBOR: Final = 112
    COAP_APPLICATION_CONCISE_PROBLEM_DETAILS_CBOR: Final = 257

COAP_CONTENT_TYPE = COAP_CONTENT_FORMAT

class COAP_VERSION:
    COAP_VERSION_UNSUPPORTED: Final = 0
    COAP_VERSION_1: Final = 1

class CoapResponseCode:
    @staticmethod
    def encode(class_: int, detail: int, /) -> int:
        """encode(2, 5) is 69. ValueError beyond 7 and 31."""
    @staticmethod
    def decode(code: int, /) -> tuple[int, int]:
        """decode(69) is (2, 5)."""

# ---- messages ------------------------------------------------------------------------------------

class CoapOption:
    number: int
    buffer: bytes
    def __init__(self, number: int = -1, buffer: _Bytes | None = b"") -> None: ...

_Options = list[tuple[int, _Bytes | int] | CoapOption] | tuple[tuple[int, _Bytes | int] | CoapOption, ...]
"""Option numbers, at most 65535, with their values; an int is written as uint (RFC 7252 section 3.2)."""

class CoapPacket:
    """A message of the classic layer: received, or to be sent with sendEx() and sendPacket()."""

    version: int
    type: int
    """COAP_TYPE"""
    method: int
    """COAP_METHOD of a request, COAP_RESPONSE_CODE of a response."""
    code: int
    """The same as method."""
    messageid: int
    """Assigned by the engine when a request is sent."""
    content_format: int
    """COAP_CONTENT_FORMAT; COAP_NONE when absent."""
    query: bytes
    """The Uri-Query options joined with '&'."""
    options: list[CoapOption]
    @property
    def token(self) -> bytes: ...
    @token.setter
    def token(self, value: _Bytes | None) -> None:
        """To send: b"" for a random one, None for an empty one."""
    @property
    def payload(self) -> bytes:
        """b"" when absent."""
    @payload.setter
    def payload(self, value: _Bytes | None) -> None: ...
    @property
    def text(self) -> str:
        """The payload as UTF-8. UnicodeError if it is none."""
    def addOption(self, number: int, payload: _Bytes | None, /) -> None: ...
    def setUriHost(self, address: str, /) -> None: ...
    def setUriPath(self, url: str, /) -> None:
        """One Uri-Path option per segment; nothing is percent-decoded."""
    def setObserve(self, value: int, /) -> None:
        """Adds the Observe option, 0 to 16,777,215."""
    def getObserveValue(self) -> int | None:
        """The value of the Observe option; None without one."""
    def toString(self) -> str:
        """"type: CON, method: 2.05, messageid: 123, payload: b'..'" """

class _Message:
    @property
    def code(self) -> int:
        """COAP_METHOD of a request, COAP_RESPONSE_CODE of a response."""
    @property
    def payload(self) -> bytes:
        """The whole body; b"" when there is none, or when it went to `into`."""
    @property
    def text(self) -> str:
        """The payload as UTF-8. UnicodeError if it is none."""
    @property
    def content_format(self) -> int | None:
        """Number of the Content-Format (RFC 7252 section 12.3), None when absent."""
    @property
    def body(self) -> Any:
        """What `into` gave, with the body in it; else None."""
    @property
    def sender(self) -> _Address:
        """(ip, port); None of a message that was not received."""
    @property
    def security(self) -> SecurityContext | None:
        """What has protected the message."""
    @property
    def options(self) -> list[CoapOption]:
        """Options in the order of the message, those of the last block."""
    @property
    def type(self) -> int:
        """COAP_TYPE"""
    @property
    def method(self) -> int:
        """The same as code."""
    @property
    def token(self) -> bytes: ...
    @property
    def messageid(self) -> int: ...
    @property
    def version(self) -> int: ...

class Response(_Message):
    """What an Exchange ends with; also what a handler may return. A 4.xx or 5.xx is a response too, with ok False."""

    def __init__(
        self,
        code: int | None = None,
        payload: _Body | None = b"",
        content_format: int | None = None,
        *,
        etag: _Bytes | None = None,
        max_age: int | None = None,
        location: str | None = None,
        options: _Options | None = None,
    ) -> None:
        """For handlers. code None: 2.05 for GET and FETCH, 2.02 for DELETE, else 2.04. etag: 1 to 8 bytes.
        max_age: seconds. location: path and query, "/a/b?x=1"."""
    @property
    def ok(self) -> bool:
        """The code is a 2.xx."""
    @property
    def etag(self) -> bytes | None: ...
    @property
    def max_age(self) -> int:
        """Seconds that it stays fresh: Max-Age, or 60 without it (RFC 7252 section 5.10.5)."""
    @property
    def location(self) -> str | None:
        """Location-Path and Location-Query as "/a/b?x=1"."""
    @property
    def observe(self) -> int | None:
        """Number of the notification (RFC 7641 section 3.4); None: no observation, or its end."""
    @property
    def query(self) -> bytes: ...

class Request(_Message):
    """What a handler of a resource is called with."""

    @property
    def path(self) -> str:
        """Percent-encoded, with a leading slash."""
    @property
    def query(self) -> str:
        """The Uri-Query options joined with '&'."""
    @property
    def accept(self) -> int | None:
        """Number of the Content-Format that the client wants."""
    @property
    def etags(self) -> list[bytes]: ...
    @property
    def if_match(self) -> list[bytes]:
        """b"" among them: anything that exists."""
    @property
    def if_none_match(self) -> bool: ...
    @property
    def observe(self) -> int | None:
        """0: the client registers, or a notification is made for it; 1: it deregisters (RFC 7641 section 2)."""

# ---- security ------------------------------------------------------------------------------------

class SecurityContext:
    """What two devices share to protect what they say to each other: OSCORE, RFC 8613, with AES-CCM-16-64-128 and HKDF
    SHA-256. Two contexts never share a secret, a salt and IDs. Its keys are never shown."""

    def __init__(
        self,
        secret: _Bytes,
        salt: _Bytes = b"",
        *,
        sender_id: _Bytes,
        recipient_id: _Bytes,
        id_context: _Bytes | None = None,
        load: Callable[[], int | None] | None = None,
        save: Callable[[int], object] | None = None,
    ) -> None:
        """secret, salt: Master Secret, of 16 random bytes or more, and Master Salt. sender_id, recipient_id: at most 7
        bytes each, different, the other way round at the other side. id_context: at most 16 bytes. save(number) stores
        a number where it outlives a power cut; load() gives the one that was stored last, None if there is none. Without
        both, the secret must be another one after every restart: a sequence number that is used twice tells strangers
        what was said. An exception of save() comes out of the call that needed it, and is tried again."""
    @property
    def sender_id(self) -> bytes: ...
    @property
    def recipient_id(self) -> bytes: ...
    @property
    def id_context(self) -> bytes | None: ...
    def __del__(self) -> None: ...
    def close(self) -> None:
        """Wipes the keys. What is under way ends with OSError(ETIMEDOUT)."""
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...

class SequenceFile:
    """load and save of a SecurityContext, on two files, PATH.0 and PATH.1, that are written in turn: the power may go at
    any time."""

    def __init__(self, path: str, /) -> None: ...
    def load(self) -> int | None:
        """OSError(EIO): both files are damaged; then the secret must be replaced."""
    def save(self, number: int, /) -> None: ...

class Dtls:
    """Keys and certificates of an endpoint that speaks DTLS 1.2 (RFC 6347, RFC 7252 section 9): coap.start(dtls=...). Where
    the port has mbedtls. One may serve several endpoints. Its keys are never shown."""

    def __init__(
        self,
        *,
        psk_identity: _Bytes | None = None,
        psk: _Bytes | None = None,
        psks: Mapping[bytes, _Bytes] | Mapping[str, _Bytes] | None = None,
        cert: _Bytes | None = None,
        key: _Bytes | None = None,
        ca: _Bytes | None = None,
        sessions: int = 4,
    ) -> None:
        """psk_identity, psk: the key that a client shares with its server; at most 32 bytes unless mbedtls is built for more.
        A server takes it of a client if it has no psks: a dict of identity to key, looked up at each handshake. cert, key: the own
        certificate, with those between it and the authority behind it, and its private key; a server's, or a client's
        where the server wants one. ca: certificates of authorities: a client takes servers with a certificate of theirs
        that names the host of the URI, a server then takes clients with a certificate of theirs alone, or with a key. All
        as PEM or DER. sessions: how many at once; the one that has not been used for longest gives way. ValueError,
        OSError(ENOMEM)."""
    def __del__(self) -> None: ...

class CoapError(Exception):
    """A handler that raises it is answered with this code; any other exception is 5.00 and is printed."""

    def __init__(self, code: int, text: _Bytes = "", /) -> None:
        """text: diagnostic payload, RFC 7252 section 5.5.2; a problem detail (RFC 9290) if the client accepts that."""

# ---- requests ------------------------------------------------------------------------------------

class _RequestOptions(TypedDict, total=False):
    """Keywords of requests to a URI; None stands for the default of each. Wrong values raise ValueError, wrong types
    TypeError, both with the argument's name."""

    body: _Body | None
    """What to send, in place of payload; a stream or an iterator is read block by block (RFC 7959 Block1)."""
    into: _Sink | None
    """Where the body of a 2.xx goes, block by block. Without it the body may have max_body bytes."""
    progress: Callable[[int, int | None], object] | None
    """Called with the bytes so far and the bytes of the whole body, None while unknown."""
    resume: tuple[int, _Bytes | None] | Exchange | None
    """(bytes received, ETag) of an earlier download, or its exchange: goes on from there. The bytes must be a multiple
    of the block size, and of the device's block if `into` is one. OSError(ECONNABORTED): the ETag is another one."""
    block_size: int | None
    """Bytes, 16 to 1024; taken down to a power of two."""
    timeout: float | None
    """Seconds for the whole exchange. Without it each message has 93 s until its ACK, the response 247 s after an Empty
    ACK (RFC 7252 section 4.8.2)."""
    non: bool | None
    """Non-confirmable: sent once. Required for multicast."""
    token: _Bytes | None
    """At most 8 bytes. Without it: 4 random bytes."""
    options: _Options | None
    """Further options."""
    security: SecurityContext | bool | None
    """What protects the request and its responses; None: what the peer is bound to by secure(); False: nothing. A
    response that is not protected counts only if it is an error, and has no `security`. OSError(EACCES): the context
    has no sequence number left. Not for multicast, nor with Proxy-Uri."""
    content_format: int | None
    accept: int | None
    etag: _Bytes | list[_Bytes] | tuple[_Bytes, ...] | None
    """Representations that the program has: 2.03 says that one of them is fresh."""
    if_match: _Bytes | list[_Bytes] | tuple[_Bytes, ...] | None
    """The request is carried out only if the ETag is one of these; b"": if anything exists. Else 4.12."""
    if_none_match: bool | None
    """The request is carried out only if nothing exists. Else 4.12."""
    no_response: int | None
    """RFC 7967: the sum of 2 (no 2.xx), 8 (no 4.xx), 16 (no 5.xx)."""
    understands: _Numbers | None
    """Numbers of at most 2 critical options of the response that the program deals with itself."""

class _ObserveOptions(TypedDict, total=False):
    callback: Callable[[Response], object] | None
    """Called with each notification; then wait() and `async for` get none."""
    timeout: float | None
    """Seconds until the first response."""
    non: bool | None
    token: _Bytes | None
    options: _Options | None
    security: SecurityContext | bool | None
    understands: _Numbers | None
    accept: int | None
    etag: _Bytes | list[_Bytes] | tuple[_Bytes, ...] | None
    block_size: int | None

class _Awaitable(Coroutine[Any, Any, _T_co], Generic[_T_co]):
    """send(), throw(), close() and remove() are asyncio's. One task at a time may wait: RuntimeError to another."""

    def __await__(self) -> Generator[Any, Any, _T_co]: ...
    def send(self, value: Any, /) -> Any: ...
    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> Any: ...
    def close(self) -> None: ...
    def remove(self, task: Any, /) -> None: ...

class Exchange(_Awaitable[Response]):
    """A request that was sent. Awaiting or wait() gives its Response, or raises OSError:

    ETIMEDOUT: no answer in time; ECONNRESET: the peer rejected the message (RST), or DTLS came to nothing; ENOTCONN: the endpoint is not
    started; ENOBUFS: no memory for a message; EMSGSIZE: the body is longer than max_body; EIO: blocks that do not fit
    together; ECONNABORTED: the body changed on the way, and `into` cannot go back; ECANCELED: cancel() or stop().
    What `body`, `into` or `progress` raise comes out here too. None in place of a response: none was wanted.
    """

    def wait(self, timeout_ms: int | None = None, /) -> Response:
        """Runs the endpoint until the response is there. OSError(ETIMEDOUT) after timeout_ms milliseconds: the exchange
        goes on, and wait() may be called again. RuntimeError in a running event loop."""
    def done(self) -> bool: ...
    def cancel(self) -> None:
        """Ends it: waiting raises OSError(ECANCELED) from now on. Nothing if it is over."""
    @property
    def received(self) -> int:
        """Bytes of the response's body so far, those before `resume` included."""
    @property
    def etag(self) -> bytes | None:
        """ETag of the body that comes block by block."""

class Observation(_Awaitable[Response], AsyncIterator[Response]):
    """Notifications of one resource, RFC 7641: for wait(), `async for` or a callback; `with` and `async with` end it.

    Registers again after Max-Age without a notification. A notification that is older than the last one is left out.
    The latest 8 wait to be taken; after 32 that nobody has taken the observation ends.
    """

    callback: Callable[[Response], object] | None
    def wait(self, timeout_ms: int | None = None, /) -> Response | None:
        """The next notification; None when the observation is over. Else as Exchange.wait()."""
    def done(self) -> bool: ...
    def cancel(self, tell: bool = True, /) -> None:
        """Deregisters, RFC 7641 section 3.6. tell=False: says nothing; the peer learns it with its next notification, which
        is rejected."""
    @property
    def received(self) -> int: ...
    @property
    def etag(self) -> bytes | None: ...
    def __aiter__(self) -> Self: ...
    def __anext__(self) -> _Awaitable[Response]:
        """The observation itself; cancelling the task that waits does not end it."""
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: object) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

# ---- links ---------------------------------------------------------------------------------------

class Link:
    """A link, RFC 6690. Its attributes are attributes of the object too: link.rt, AttributeError without it."""

    @property
    def target(self) -> str:
        """As the document has it: "/sensors/temp"."""
    @property
    def uri(self) -> str | None:
        """The target as absolute URI; None if it is relative and the host is not known."""
    @property
    def address(self) -> _Address:
        """(ip, port) of the host; None if not known."""
    @property
    def attributes(self) -> dict[str, Any]:
        """Each a str; True for those without value."""
    def __getattr__(self, name: str) -> Any: ...

def links(document: _Bytes, address: _Address = None, /) -> list[Link]:
    """The links of a document in link format. ValueError if it is malformed."""

class _Discovery(Iterator[Link], AsyncIterator[Link]):
    """`for` raises RuntimeError in a running event loop: use `async for`."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Link: ...
    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[Link]: ...

# ---- resources -----------------------------------------------------------------------------------

_Payload = _Body | None
_Code = int | None
_Result = Response | int | tuple[_Code] | tuple[_Code, _Payload] | tuple[_Code, _Payload, int | None] | _Payload
"""int: a code. (code, payload, Content-Format). str: text/plain. None: no payload. The body may be a stream or an
iterator; a generator function is one. Without a code: 2.05 for GET and FETCH, 2.02 for DELETE, else 2.04."""
_Handler = Callable[[Request], _Result | Awaitable[_Result]]

class Resource:
    """A path with its handler, as coap.resource() makes it."""

    @property
    def path(self) -> str: ...
    etag: _Bytes | Callable[[Request], _Bytes | None] | None
    @property
    def value(self) -> bytes | str:
        """What answers a GET without the handler. A new one has another ETag, and observers are told. AttributeError if
        the resource was made without one."""
    @value.setter
    def value(self, value: _Bytes) -> None: ...
    def notify(self) -> None:
        """The state has changed: every observer is told (RFC 7641). Handlers run when the endpoint is polled."""
    @overload
    def __call__(self, handler: _Handler, /) -> Self:
        """As decorator, once."""
    @overload
    def __call__(self, request: Request, /) -> Any:
        """Calls the handler."""

# ---- the endpoint --------------------------------------------------------------------------------

class _CustomSocket(Protocol):
    """What setCustomSocket() takes. `setblocking(flag)`, `close()`, `ioctl(request, arg)` and `isUnixCompatible()` are
    used when they are there: ioctl(3, 1) tells readiness; isUnixCompatible() False: sendto(data, ip, port)."""

    def sendto(self, data: bytes, address: Any, /) -> int | None: ...
    def recvfrom(self, size: int, /) -> Any:
        """(data, address), or data alone: then of the last destination. None, b"" or OSError: nothing there."""

class Coap:
    """A CoAP endpoint: client and server on one UDP port."""

    class TRANSMISSION_STATE:
        STATE_IDLE: Final = 0
        STATE_SEPARATE_ACK_RECEIVED_WAITING_DATA: Final = 1

    responseCallback: Callable[[CoapPacket, _Address], object] | None
    """Classic layer: called with a response and its sender."""
    resposeCallback: Callable[[CoapPacket, _Address], object] | None
    """The same attribute."""
    errorCallback: Callable[[OSError, _Address], object] | None
    """Classic layer: called when a request has ended without response, with the error as of an Exchange."""
    discardRetransmissions: bool
    """Without effect: repetitions never reach a callback."""
    debug: bool
    """True: one line per datagram."""
    sock: Any
    isServer: bool
    state: int
    """TRANSMISSION_STATE"""
    callbacks: dict[str, Callable[[CoapPacket, Any, int], object] | Resource]
    """Request handlers by path, without leading slash; may be edited."""
    port: int
    """The bound port; before start() the one that it will bind. 0 after start(0) where sockets do not tell: on all ports
    but unix."""
    def __init__(
        self,
        port: int = 5683,
        *,
        ack_timeout: int | None = 2000,
        ack_random_factor: float | None = 1.5,
        max_retransmit: int | None = 4,
        nstart: int | None = 1,
        default_leisure: int | None = 5000,
        probing_rate: int | None = 1,
        max_latency: int | None = 100000,
        processing_delay: int | None = 2000,
        max_message: int | None = ...,
        message_store: int | None = ...,
        max_body: int | None = ...,
        amplification: int | None = 0,
        error_rate: int | None = 0,
        state: _Bytes | None = None,
    ) -> None:
        """Transmission parameters of RFC 7252 section 4.8: times in milliseconds, probing_rate in bytes per second.

        max_message, message_store, max_body: bytes of the largest message, of all messages kept, of the largest body
        that is put together from blocks; their defaults depend on the board. amplification: how many times longer than
        its request a response may be to a peer that has not shown its address by Echo (RFC 9175 section 2.4); 0: any
        length. error_rate: how many errors of the library's own, and RSTs, a peer gets within a second; more are not sent;
        0: any number. state: what export_state() gave; ValueError if it is damaged or of another version."""
    # life cycle
    def start(self, port: int | None = ..., dtls: Dtls | None = None) -> None:
        """Opens and binds the socket; nothing if there is one. 0: any free port. dtls: everything goes by DTLS, nothing
        without; the port is 5684 unless one was given; OSError(EBUSY): it is started. OSError."""
    def stop(self) -> None:
        """Closes the socket and ends what is outstanding."""
    def __enter__(self) -> Self:
        """Starts it, on any free port unless the constructor was given one."""
    def __exit__(self, *exc: object) -> None: ...
    def setCustomSocket(self, sock: _CustomSocket) -> None:
        """Uses this object in place of a UDP socket."""
    def poll(self, timeoutMs: int = -1, pollPeriodMs: int = 500) -> bool:
        """Handles one message: True as soon as its callback has returned. False after timeoutMs milliseconds, and at once
        when it is not started or was stopped; negative: one pass without waiting. pollPeriodMs has no effect."""
    def loop(self, blocking: bool = True) -> bool:
        """poll() without time limit, or poll(-1)."""
    def run(self) -> None:
        """Starts it if needed and serves until stop() or Ctrl-C; handlers may be coroutines. RuntimeError in a running
        event loop."""
    def serve(self) -> _Awaitable[None]:
        """Awaitable: serves until stop(), or until its task is cancelled."""
    def join(self, group: str = "224.0.1.187", interface: str | None = None) -> None:
        """Takes requests to that multicast group too: All CoAP Nodes, RFC 7252 section 12.8. After start().
        interface: the IPv4 address of a network interface. OSError."""
    def stats(self) -> dict[str, int]:
        """Counters sent, received, retransmitted, duplicates, malformed, dropped, timeouts, resets; and what is in use:
        exchanges_in_use, transmissions_in_use, deduplication_in_use, requests_in_use, bodies_in_use,
        observations_in_use, observers_in_use."""
    def export_state(self) -> bytes:
        """What must outlive a deep sleep: message ids, observers, observations. Before stop()."""
    # without a socket
    def feed(self, data: Buffer, addr: _Address, /) -> bool:
        """A datagram has come from there. True if a handler or a callback ran. RuntimeError if there is a socket."""
    def take(self) -> tuple[bytes, _Address] | None:
        """The next datagram to be sent, and where to."""
    def next_timeout_ms(self) -> int | None:
        """Milliseconds until take() is to be called again, though nothing has come; None: no need."""
    # modern layer
    @overload
    def get(self, uri: str, /, payload: _Bytes | None = b"", **options: Unpack[_RequestOptions]) -> Exchange:
        """uri: coap://host[:port][/path][?query], percent-encoded. OSError(EHOSTUNREACH): the host is not known."""
    @overload
    def get(
        self, ip: Any, port: int, url: str, token: _Bytes | None = b"", observe_option: int | None = None,
        understands: _Numbers | None = (),
    ) -> int:
        """Classic layer. Bytes of the message; 0 if nothing could be sent: not started, port 0, the host is not known or not
        reachable from this socket, no room, longer than max_message. With debug set, the reason is printed as an OSError.

        What has arrived is taken in before; what there is to tell of it waits for poll(). Where that is not called, the
        latest responses and errors are kept: 8, or as many as there may be requests at a time.

        token: one in use towards that peer makes the request wait until it is free. observe_option: 0 registers as an
        observer, 1 with the same token ends that. understands: numbers of at most 2 critical options of the response
        that the program deals with itself."""
    @overload
    def delete(self, uri: str, /, payload: _Bytes | None = b"", **options: Unpack[_RequestOptions]) -> Exchange: ...
    @overload
    def delete(
        self, ip: Any, port: int, url: str, token: _Bytes | None = b"", observe_option: int | None = None,
        understands: _Numbers | None = (),
    ) -> int: ...
    @overload
    def put(self, uri: str, /, payload: _Bytes | None = b"", **options: Unpack[_RequestOptions]) -> Exchange: ...
    @overload
    def put(
        self, ip: Any, port: int, url: str, payload: _Bytes | None = b"",
        query_option: _Bytes | None = None, content_format: int = -1, token: _Bytes | None = b"",
        understands: _Numbers | None = (),
    ) -> int: ...
    @overload
    def post(self, uri: str, /, payload: _Bytes | None = b"", **options: Unpack[_RequestOptions]) -> Exchange: ...
    @overload
    def post(
        self, ip: Any, port: int, url: str, payload: _Bytes | None = b"",
        query_option: _Bytes | None = None, content_format: int = -1, token: _Bytes | None = b"",
        understands: _Numbers | None = (),
    ) -> int: ...
    def fetch(self, uri: str, payload: _Bytes | None = b"", **options: Unpack[_RequestOptions]) -> Exchange: ...
    def patch(self, uri: str, payload: _Bytes | None = b"", **options: Unpack[_RequestOptions]) -> Exchange: ...
    def ipatch(self, uri: str, payload: _Bytes | None = b"", **options: Unpack[_RequestOptions]) -> Exchange: ...
    def request(
        self, method: str | int, /, uri: str, payload: _Bytes | None = b"", **options: Unpack[_RequestOptions]
    ) -> Exchange:
        """method: "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH", or its code, 1 to 31."""
    def secure(self, security: SecurityContext | None, peer: str | None = None, /) -> None:
        """Makes a context known: requests that it protects are understood from now on. peer, a URI: requests to that host
        and port are protected by it, those of the classic layer too; None in place of the context: no more.
        OSError(ENOBUFS): there is no room for another one."""
    def observe(self, uri: str, **options: Unpack[_ObserveOptions]) -> Observation: ...
    def discover(
        self, host: str | tuple[str, int], /, *, timeout_ms: int | None = None, **filter: object
    ) -> _Discovery:
        """The links of a host, or of all hosts of a multicast group. host: URI, IP address, or (ip, port). filter: value
        of a link's attribute, "temp*" for a beginning, True for any value; if_ stands for if. A group is listened to for
        timeout_ms milliseconds, 7000 without it. OSError(ETIMEDOUT) if a single host does not answer."""
    def resource(
        self,
        path: str,
        /,
        *,
        methods: str | int | list[str | int] | tuple[str | int, ...] = ("GET",),
        value: _Bytes = ...,
        obs: bool = False,
        non: bool = False,
        min_interval: int = 0,
        etag: _Bytes | Callable[[Request], _Bytes | None] | None = ...,
        into: Callable[[Request], _Sink | None] = ...,
        max_body: int = ...,
        fresh: bool = False,
        hidden: bool = False,
        security: SecurityContext | list[SecurityContext] | tuple[SecurityContext, ...] | bool | None = None,
        understands: _Numbers | None = (),
        **attributes: object,
    ) -> Resource:
        """Decorator of a handler. value: bytes or str that answer a GET instead of the handler, with their own ETag; it
        needs no handler then. obs: may be observed; non: notifications are non-confirmable; min_interval:
        milliseconds between two of them. etag: of the state, None when there is none; answers ETag, If-Match and
        If-None-Match. into: where the body of a request goes, block by block; then its payload is b"". max_body: bytes of
        the longest body of a request, else the constructor's. fresh: other methods than GET and FETCH only from a client
        whose Echo is fresh (RFC 9175 section 2.3). hidden: not among the links. security: only for requests that one of
        these contexts protects, True: that any context does which is known here; others get 4.01 or 4.03, and the link
        says `osc`. understands: numbers of at most 4 critical options that the handler deals with itself; without `etag`, If-Match (1) and If-None-Match (5)
        are such; a request with another one is answered 4.02. With Block1 (27) or Block2 (23) it gets each block as it came.
        Other keywords are attributes of the link (RFC 6690): rt="temperature", ct=50, if_="sensor"."""
    # classic layer
    def addIncomingRequestCallback(
        self, url: str, cb: Callable[[CoapPacket, Any, int], object], understands: _Numbers | None = (),
    ) -> None:
        """cb(packet, ip, port) for requests to this path, any method. It answers with sendResponse(), then or later.
        understands: numbers of at most 4 critical options that cb deals with itself, such as If-Match (1) and
        If-None-Match (5); a request with another one is answered 4.02."""
    def getNonConf(
        self, ip: Any, port: int, url: str, token: _Bytes | None = b"", observe_option: int | None = None,
        understands: _Numbers | None = (),
    ) -> int: ...
    def deleteNonConf(
        self, ip: Any, port: int, url: str, token: _Bytes | None = b"", observe_option: int | None = None,
        understands: _Numbers | None = (),
    ) -> int: ...
    def putNonConf(
        self, ip: Any, port: int, url: str, payload: _Bytes | None = b"",
        query_option: _Bytes | None = None, content_format: int = -1, token: _Bytes | None = b"",
        understands: _Numbers | None = (),
    ) -> int: ...
    def postNonConf(
        self, ip: Any, port: int, url: str, payload: _Bytes | None = b"",
        query_option: _Bytes | None = None, content_format: int = -1, token: _Bytes | None = b"",
        understands: _Numbers | None = (),
    ) -> int: ...
    def send(
        self, ip: Any, port: int, url: str | None, type: int, method: int, token: _Bytes | None = b"",
        payload: _Bytes | None = b"", content_format: int = -1, query_option: _Bytes | None = None,
        understands: _Numbers | None = (),
    ) -> int:
        """Any request. COAP_CON with COAP_EMPTY_MESSAGE and an empty url is a ping: the answer comes to
        responseCallback as a packet of type COAP_RESET."""
    def ping(self, ip: Any, port: int) -> int:
        """An Empty message. Any ACK or RST to it comes to responseCallback as a packet with code 0."""
    def sendEx(
        self, ip: Any, port: int, url: str, packet: CoapPacket, understands: _Numbers | None = (),
    ) -> int:
        """Sends the packet to this path."""
    def sendPacket(self, ip: Any, port: int, packet: CoapPacket, understands: _Numbers | None = ()) -> int:
        """Sends the packet: a request, or the answer to the request with its messageid or token."""
    def sendResponse(
        self, ip: Any, port: int, messageid: int, payload: _Bytes | None, method: int,
        content_format: int = -1, token: _Bytes | None = b"", request_packet: CoapPacket | None = None,
    ) -> int:
        """Answers the request with this message id, or the one that is given, in its ACK or in a message of its own; in
        blocks if it is long. 0 if there is no such request, or no room.

        If no answer can be sent by the time that the handler has returned, the client gets 5.00."""

# Programs for microCoAPy import from these; all are the module itself.
microcoapy: ModuleType
coap_macros: ModuleType
coap_packet: ModuleType
coap_option: ModuleType
