# Every member of every class of constants, by number; both spellings where microCoAPy had a wrong one.
import microcoapy
from microcoapy import CoapResponseCode

for name in (
    "COAP_VERSION",
    "COAP_TYPE",
    "COAP_METHOD",
    "COAP_RESPONSE_CODE",
    "COAP_OPTION_NUMBER",
    "COAP_CONTENT_FORMAT",
):
    members = getattr(microcoapy, name)
    print(name)
    for value, member in sorted((getattr(members, m), m) for m in dir(members) if m.startswith("COAP_")):
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
