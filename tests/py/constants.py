# Every member of every class of constants, by number; both spellings where microCoAPy had a wrong one.
import microcoapy
from microcoapy import CoapResponseCode

# What has come after RFC 7252 is not there where the build has the classic layer alone.
LATER = {
    "COAP_RESPONSE_CODE": {"COAP_CONTINUE": 95, "COAP_REQUEST_ENTITY_INCOMPLETE": 136, "COAP_CONFLICT": 137,
        "COAP_UNPROCESSABLE_ENTITY": 150, "COAP_TOO_MANY_REQUESTS": 157, "COAP_HOP_LIMIT_REACHED": 168},
    "COAP_OPTION_NUMBER": {"COAP_OBSERVE": 6, "COAP_HOP_LIMIT": 16, "COAP_BLOCK2": 23, "COAP_BLOCK1": 27, "COAP_SIZE2": 28,
        "COAP_SIZE1": 60, "COAP_ECHO": 252, "COAP_NO_RESPONSE": 258, "COAP_REQUEST_TAG": 292},
    "COAP_CONTENT_FORMAT": {"COAP_APPLICATION_SENML_JSON": 110, "COAP_APPLICATION_SENML_CBOR": 112,
        "COAP_APPLICATION_CONCISE_PROBLEM_DETAILS_CBOR": 257},
}
MODERN = hasattr(microcoapy, "Exchange")

for name in (
    "COAP_VERSION",
    "COAP_TYPE",
    "COAP_METHOD",
    "COAP_RESPONSE_CODE",
    "COAP_OPTION_NUMBER",
    "COAP_CONTENT_FORMAT",
):
    members = getattr(microcoapy, name)
    later = LATER.get(name, {})
    print(name, all(getattr(members, member, None) == (number if MODERN else None) for member, number in later.items()))
    known = [m for m in dir(members) if m.startswith("COAP_") and m not in later]
    for value, member in sorted((getattr(members, m), m) for m in known):
        if name == "COAP_RESPONSE_CODE":
            print("  %d.%02d %s" % (value >> 5, value & 31, member))
        else:
            print("  %d %s" % (value, member))

print(microcoapy.COAP_CONTENT_TYPE is microcoapy.COAP_CONTENT_FORMAT)

print(CoapResponseCode.encode(4, 4), CoapResponseCode.encode(2, 5), CoapResponseCode.encode(0, 1))
print(CoapResponseCode.decode(0x84), CoapResponseCode.decode(0x45), CoapResponseCode.decode(1))
print(all(CoapResponseCode.encode(*CoapResponseCode.decode(code)) == code for code in range(256)))

states = microcoapy.Coap.TRANSMISSION_STATE
print(states.STATE_IDLE, states.STATE_SEPARATE_ACK_RECEIVED_WAITING_DATA)
