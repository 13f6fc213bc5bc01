# A stand-in for a telemetry platform: devices send measured values, keep attributes, and are called (RPC).
# It has the paths of ThingsBoard's CoAP API, to try devices without one. It is not ThingsBoard, and was not compared
# with it: there are two tokens and no accounts, nothing is stored, and observers are told all shared attributes, not
# only those that have changed.
#
#   telemetry_server.py [PORT]
#
# POST /api/v1/TOKEN/telemetry           JSON: {"key": value, ...}, a list of these, or with "ts" and "values"
# POST /api/v1/TOKEN/attributes          JSON: attributes of the client
# GET  /api/v1/TOKEN/attributes?clientKeys=a,b&sharedKeys=c
# GET  /api/v1/TOKEN/attributes          with Observe: the shared attributes, whenever they change
# GET  /api/v1/TOKEN/rpc                 with Observe: calls, as {"id": 1, "method": ..., "params": ...}; {}: none
# POST /api/v1/TOKEN/rpc/ID              the answer to a call
# POST /api/v1/TOKEN/rpc                 a call to the server
# POST /admin/TOKEN/shared               sets shared attributes; the platform's own side, where ThingsBoard has a page
# POST /admin/TOKEN/call                 calls the device: {"method": ..., "params": ...}
import json
import sys
import time

import microcoapy

GET, POST = microcoapy.COAP_METHOD.COAP_GET, microcoapy.COAP_METHOD.COAP_POST
CODE = microcoapy.COAP_RESPONSE_CODE
JSON = microcoapy.COAP_CONTENT_FORMAT.COAP_APPLICATION_JSON
FRESH_S = 3600  # how long a client may wait for the next notification before it registers again

coap = microcoapy.Coap()


def dumps(value):
    """JSON with the keys of each object in order."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (json.dumps(key), dumps(value[key])) for key in sorted(value))
    return json.dumps(value)


def read(request, kinds=(dict,)):
    """The JSON of the request; 4.00 to anything else."""
    try:
        value = json.loads(request.text)
    except ValueError:
        raise microcoapy.CoapError(CODE.COAP_BAD_REQUEST, "no JSON")
    if not isinstance(value, kinds):
        raise microcoapy.CoapError(CODE.COAP_BAD_REQUEST, "not the right kind of JSON")
    return value


def answer(value):
    return microcoapy.Response(None, dumps(value), JSON, max_age=FRESH_S)


class Device:
    """What the server knows of the device with this token."""

    def __init__(self, token):
        self.token = token
        self.client = {}
        self.shared = {}
        self.last_call = 0
        self.calls = []  # the first one has been told; the next one is when it is answered
        api = "api/v1/%s/" % token
        coap.resource(api + "telemetry", methods=("POST",))(self.telemetry)
        self.attributes_resource = coap.resource(api + "attributes", methods=("GET", "POST"), obs=True)(self.attributes)
        self.rpc_resource = coap.resource(api + "rpc", methods=("GET", "POST"), obs=True)(self.rpc)
        admin = "admin/%s/" % token
        coap.resource(admin + "shared", methods=("POST",), hidden=True)(self.set_shared)
        coap.resource(admin + "call", methods=("POST",), hidden=True)(self.call_device)

    def telemetry(self, request):
        values = read(request, (dict, list))
        values = values if isinstance(values, list) else [values]
        if not all(isinstance(value, dict) for value in values):
            raise microcoapy.CoapError(CODE.COAP_BAD_REQUEST, "not the right kind of JSON")
        for value in values:
            print("%s: telemetry %s" % (self.token, dumps(value.get("values", value))))

    def attributes(self, request):
        if request.code == POST:
            self.client.update(read(request))
            print("%s: attributes %s" % (self.token, dumps(self.client)))
            return None
        if request.observe == 0:
            return answer(self.shared)
        asked = dict(part.split("=", 1) for part in request.query.split("&") if "=" in part)
        found = {}
        for kind, names, values in (("client", "clientKeys", self.client), ("shared", "sharedKeys", self.shared)):
            if names in asked or not asked:
                wanted = asked[names].split(",") if asked else values
                found[kind] = {name: values[name] for name in wanted if name in values}
        return answer(found)

    def rpc(self, request):
        if request.code == POST:
            call = read(request)
            if call.get("method") == "getTime":
                return answer({"time": time.time()})
            raise microcoapy.CoapError(CODE.COAP_NOT_FOUND, "no such method")
        if request.observe is None:
            raise microcoapy.CoapError(CODE.COAP_BAD_REQUEST, "to be observed")
        return answer(self.calls[0] if self.calls else {})

    def set_shared(self, request):
        self.shared.update(read(request))
        self.attributes_resource.notify()

    def call_device(self, request):
        call = read(request)
        self.last_call += 1
        self.calls.append({"id": self.last_call, "method": call.get("method"), "params": call.get("params")})
        coap.resource("api/v1/%s/rpc/%d" % (self.token, self.last_call), methods=("POST",), hidden=True)(self.answered)
        self.rpc_resource.notify()

    def answered(self, request):
        number = int(request.path.rsplit("/", 1)[1])
        print("%s: answer to call %d: %s" % (self.token, number, request.text))
        del coap.callbacks[request.path[1:]]
        self.calls = [call for call in self.calls if call["id"] != number]
        self.rpc_resource.notify()


if __name__ == "__main__":
    for token in ("A1_TEST_TOKEN", "A2_TEST_TOKEN"):
        Device(token)
    coap.start(int(sys.argv[1]) if len(sys.argv) > 1 else 5683)
    print("stand-in for a telemetry server, port", coap.port)
    coap.run()
