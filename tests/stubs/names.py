# SPDX-License-Identifier: MIT
# Runs under build/micropython: prints, as JSON, {class: {name: [value, writable]}} of what there is; "" stands for the
# module. The value is that of an int that belongs to a class, else null; writable is null of what belongs to a class.
import json

import microcoapy

coap = microcoapy.Coap()
coap.start(0)
URI = "coap://127.0.0.1:1/x"
request = None


@coap.resource("x", obs=True, value=b"x")
def resource(given):
    global request
    request = given


# GET /x
coap_by_hand = microcoapy.Coap()
coap_by_hand.resource("x")(resource)
coap_by_hand.feed(b"\x40\x01\x00\x01\xb1x", "peer")

INSTANCES = {
    "Coap": coap,
    "CoapError": microcoapy.CoapError(128),
    "CoapOption": microcoapy.CoapOption(),
    "CoapPacket": microcoapy.CoapPacket(),
    "Dtls": microcoapy.Dtls(psk_identity=b"i", psk=b"k"),
    "Exchange": coap.get(URI),
    "Link": microcoapy.links("</x>")[0],
    "Observation": coap.observe(URI),
    "Request": request,
    "Resource": resource,
    "Response": microcoapy.Response(69),
    "SecurityContext": microcoapy.SecurityContext(b"secret", sender_id=b"s", recipient_id=b"r"),
    "SequenceFile": microcoapy.SequenceFile("seq"),
    # Private names of the stub, for what the module does not export.
    "_Discovery": coap.discover(URI),
    "_Awaitable": coap.serve(),
}
# What any class or object has.
COMMON = set(("__class__", "__name__", "__bases__", "__dict__", "__file__"))


def is_writable(instance, name):
    try:
        setattr(instance, name, getattr(instance, name))
    except AttributeError:
        return False
    try:
        delattr(instance, name)
        return False  # it was one that a program may add
    except AttributeError:
        return True


def of_class(thing):
    values = {name: getattr(thing, name) for name in dir(thing) if name not in COMMON}
    return {name: [value if isinstance(value, int) else None, None] for name, value in values.items()}


classes = {"": of_class(microcoapy), "Coap.TRANSMISSION_STATE": of_class(coap.TRANSMISSION_STATE)}
for name in dir(microcoapy):
    if name not in COMMON and "class" in repr(getattr(microcoapy, name)):
        classes[name] = of_class(getattr(microcoapy, name))
for name, instance in INSTANCES.items():
    known = classes.setdefault(name, {})
    for attribute in dir(instance):
        of_any = isinstance(instance, Exception) and attribute in dir(Exception())
        if attribute not in COMMON and not of_any:
            known[attribute] = [None, is_writable(instance, attribute)]
print(json.dumps(classes))
