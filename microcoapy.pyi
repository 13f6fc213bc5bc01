# SPDX-License-Identifier: MIT
"""CoAP (RFC 7252) client and server. The classic layer: the API of microCoAPy.

`microcoapy.microcoapy`, `.coap_macros`, `.coap_packet` and `.coap_option` are this module itself.
"""

from typing import Any, Callable, Dict, List, Optional, Protocol, Tuple, Union

__version__: str

_Bytes = Union[bytes, bytearray, memoryview, str]
_Address = Any
"""(ip, port) of an IP peer; whatever a custom socket uses as an address otherwise."""

class COAP_TYPE:
    COAP_CON: int
    COAP_NONCON: int
    COAP_ACK: int
    COAP_RESET: int

class COAP_METHOD:
    COAP_EMPTY_MESSAGE: int
    COAP_GET: int
    COAP_POST: int
    COAP_PUT: int
    COAP_DELETE: int
    COAP_FETCH: int
    COAP_PATCH: int
    COAP_IPATCH: int

class COAP_RESPONSE_CODE:
    COAP_CREATED: int
    COAP_DELETED: int
    COAP_VALID: int
    COAP_CHANGED: int
    COAP_CONTENT: int
    COAP_BAD_REQUEST: int
    COAP_UNAUTHORIZED: int
    COAP_BAD_OPTION: int
    COAP_FORBIDDEN: int
    COAP_NOT_FOUND: int
    COAP_METHOD_NOT_ALLOWD: int
    COAP_METHOD_NOT_ALLOWED: int
    COAP_NOT_ACCEPTABLE: int
    COAP_PRECONDITION_FAILED: int
    COAP_REQUEST_ENTITY_TOO_LARGE: int
    COAP_UNSUPPORTED_CONTENT_FORMAT: int
    COAP_INTERNAL_SERVER_ERROR: int
    COAP_NOT_IMPLEMENTED: int
    COAP_BAD_GATEWAY: int
    COAP_SERVICE_UNAVALIABLE: int
    COAP_SERVICE_UNAVAILABLE: int
    COAP_GATEWAY_TIMEOUT: int
    COAP_PROXYING_NOT_SUPPORTED: int

class COAP_OPTION_NUMBER:
    COAP_IF_MATCH: int
    COAP_URI_HOST: int
    COAP_E_TAG: int
    COAP_IF_NONE_MATCH: int
    COAP_URI_PORT: int
    COAP_LOCATION_PATH: int
    COAP_URI_PATH: int
    COAP_CONTENT_FORMAT: int
    COAP_MAX_AGE: int
    COAP_URI_QUERY: int
    COAP_ACCEPT: int
    COAP_LOCATION_QUERY: int
    COAP_PROXY_URI: int
    COAP_PROXY_SCHEME: int

class COAP_CONTENT_FORMAT:
    COAP_NONE: int
    COAP_TEXT_PLAIN: int
    COAP_APPLICATION_LINK_FORMAT: int
    COAP_APPLICATION_XML: int
    COAP_APPLICATION_OCTET_STREAM: int
    COAP_APPLICATION_EXI: int
    COAP_APPLICATION_JSON: int
    COAP_APPLICATION_CBOR: int

COAP_CONTENT_TYPE = COAP_CONTENT_FORMAT

class COAP_VERSION:
    COAP_VERSION_UNSUPPORTED: int
    COAP_VERSION_1: int

class CoapResponseCode:
    @staticmethod
    def encode(class_: int, detail: int, /) -> int:
        """The code c.dd as a number: encode(2, 5) is 69."""
    @staticmethod
    def decode(code: int, /) -> Tuple[int, int]:
        """(class, detail) of a code."""

class CoapOption:
    number: int
    buffer: bytes
    def __init__(self, number: int = -1, buffer: Optional[_Bytes] = b"") -> None: ...

class CoapPacket:
    """A message, received or to be sent with sendEx and sendPacket."""

    version: int
    type: int
    """COAP_TYPE"""
    method: int
    """COAP_METHOD of a request, COAP_RESPONSE_CODE of a response"""
    token: Optional[bytes]
    """To send: empty for a random one, None for none at all."""
    payload: bytes
    """b"" when absent. To send: str or bytes-like."""
    messageid: int
    """Assigned by the engine when a request is sent."""
    content_format: int
    """COAP_CONTENT_FORMAT"""
    query: bytes
    """The Uri-Query options joined with '&'."""
    options: List[CoapOption]
    @property
    def text(self) -> str:
        """The payload decoded as UTF-8. Raises UnicodeError."""
    def addOption(self, number: int, payload: Optional[_Bytes], /) -> None: ...
    def setUriHost(self, address: str, /) -> None: ...
    def setUriPath(self, url: str, /) -> None: ...
    def toString(self) -> str:
        """"type: CON, method: 2.05, messageid: 123, payload: b'..'" """

class CustomSocket(Protocol):
    """What setCustomSocket takes. `close()`, `setblocking(flag)`, `ioctl(request, arg)` and
    `isUnixCompatible()` are used when they are there."""

    def sendto(self, data: bytes, address: _Address, /) -> Optional[int]:
        """address is (ip, port); three arguments (data, ip, port) if isUnixCompatible() returns False."""
    def recvfrom(self, size: int, /) -> Any:
        """(data, address), or data alone. None, b"" or an exception: nothing there."""

class TRANSMISSION_STATE:
    STATE_IDLE: int
    STATE_SEPARATE_ACK_RECEIVED_WAITING_DATA: int

class Coap:
    """A CoAP endpoint: client and server on one UDP port."""

    TRANSMISSION_STATE = TRANSMISSION_STATE

    responseCallback: Optional[Callable[[CoapPacket, _Address], Any]]
    """Called with a response and its sender."""
    resposeCallback: Optional[Callable[[CoapPacket, _Address], Any]]
    """The same attribute."""
    errorCallback: Optional[Callable[[OSError, _Address], Any]]
    """Called when a request ended without response: errno ETIMEDOUT or ECONNRESET."""
    discardRetransmissions: bool
    """Without effect: repetitions never reach a callback."""
    debug: bool
    """True: one line per datagram."""
    sock: Any
    isServer: bool
    state: int
    """TRANSMISSION_STATE"""
    callbacks: Dict[str, Callable[[CoapPacket, Any, int], Any]]
    """Request handlers by path, without leading slash."""
    port: int
    """The bound port; else the one that start() will bind."""
    def __init__(
        self,
        port: int = 5683,
        *,
        ack_timeout: int = 2000,
        ack_random_factor: float = 1.5,
        max_retransmit: int = 4,
        nstart: int = 1,
        default_leisure: int = 5000,
        probing_rate: int = 1,
        max_latency: int = 100000,
        processing_delay: int = 2000,
        max_message: int = ...,
        message_store: int = ...,
    ) -> None:
        """Transmission parameters of RFC 7252 section 4.8: times in milliseconds, probing_rate in
        bytes per second, sizes in bytes (their defaults depend on the board)."""
    def start(self, port: int = ...) -> None:
        """Opens and binds the socket; nothing if one is open. 0: any free port. Raises OSError."""
    def stop(self) -> None:
        """Closes the socket and ends what is outstanding, silently."""
    def setCustomSocket(self, sock: CustomSocket) -> None:
        """Uses this object in place of a UDP socket."""
    def poll(self, timeoutMs: int = -1, pollPeriodMs: int = 500) -> bool:
        """Handles one message: True as soon as its callback has returned. False after timeoutMs
        milliseconds; negative: one pass without waiting. pollPeriodMs has no effect."""
    def loop(self, blocking: bool = True) -> bool:
        """poll() without time limit, or poll(-1)."""
    def addIncomingRequestCallback(self, url: str, cb: Callable[[CoapPacket, Any, int], Any]) -> None:
        """cb(packet, senderIp, senderPort) for requests to this path, any method. It answers with
        sendResponse, then or later."""
    def get(self, ip: Any, port: int, url: str, token: Optional[_Bytes] = b"") -> int:
        """Bytes of the request; 0 if nothing could be sent."""
    def getNonConf(self, ip: Any, port: int, url: str, token: Optional[_Bytes] = b"") -> int: ...
    def delete(self, ip: Any, port: int, url: str, token: Optional[_Bytes] = b"") -> int: ...
    def deleteNonConf(self, ip: Any, port: int, url: str, token: Optional[_Bytes] = b"") -> int: ...
    def put(
        self, ip: Any, port: int, url: str, payload: Optional[_Bytes] = b"",
        query_option: Optional[_Bytes] = None, content_format: int = -1, token: Optional[_Bytes] = b"",
    ) -> int: ...
    def putNonConf(
        self, ip: Any, port: int, url: str, payload: Optional[_Bytes] = b"",
        query_option: Optional[_Bytes] = None, content_format: int = -1, token: Optional[_Bytes] = b"",
    ) -> int: ...
    def post(
        self, ip: Any, port: int, url: str, payload: Optional[_Bytes] = b"",
        query_option: Optional[_Bytes] = None, content_format: int = -1, token: Optional[_Bytes] = b"",
    ) -> int: ...
    def postNonConf(
        self, ip: Any, port: int, url: str, payload: Optional[_Bytes] = b"",
        query_option: Optional[_Bytes] = None, content_format: int = -1, token: Optional[_Bytes] = b"",
    ) -> int: ...
    def send(
        self, ip: Any, port: int, url: Optional[str], type: int, method: int, token: Optional[_Bytes] = b"",
        payload: Optional[_Bytes] = b"", content_format: int = -1, query_option: Optional[_Bytes] = None,
    ) -> int:
        """Any request. COAP_CON with COAP_EMPTY_MESSAGE and an empty url is a ping: the answer comes to
        responseCallback as a packet of type COAP_RESET."""
    def sendEx(self, ip: Any, port: int, url: str, packet: CoapPacket) -> int:
        """Sends the packet to this path."""
    def sendPacket(self, ip: Any, port: int, packet: CoapPacket) -> int:
        """Sends the packet: a request, or the answer to the request with its messageid or token."""
    def sendResponse(
        self, ip: Any, port: int, messageid: int, payload: Optional[_Bytes], method: int,
        content_format: int = -1, token: Optional[_Bytes] = b"",
    ) -> int:
        """Answers the request with this message id, in its ACK or in a message of its own. 0 if there is
        no such request."""
    def stats(self) -> Dict[str, int]:
        """sent, received, retransmitted, duplicates, malformed, dropped, timeouts, resets;
        exchanges_in_use, transmissions_in_use, deduplication_in_use, requests_in_use."""
