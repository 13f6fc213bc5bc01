# Every way to import it gives the same module.
# needs: flat_names
import microcoapy
import microcoapy.microcoapy as inner
from microcoapy import Coap, CoapPacket, CoapOption, CoapResponseCode
from microcoapy.microcoapy import Coap as InnerCoap
import microcoapy.coap_macros as macros
from microcoapy.coap_packet import CoapPacket as PacketOfModule
from microcoapy.coap_option import CoapOption as OptionOfModule

# As programs do that have the original library's files in one folder
from coap_macros import COAP_METHOD, COAP_RESPONSE_CODE
from coap_packet import CoapPacket as FlatPacket
from coap_option import CoapOption as FlatOption

print(COAP_METHOD is microcoapy.COAP_METHOD, FlatPacket is CoapPacket, FlatOption is CoapOption)
print(inner is microcoapy, macros is microcoapy)
print(InnerCoap is Coap is microcoapy.Coap)
print(PacketOfModule is CoapPacket is microcoapy.CoapPacket)
print(OptionOfModule is CoapOption is microcoapy.CoapOption)
print(microcoapy.__name__)
print(all(part.isdigit() for part in microcoapy.__version__.split(".")), microcoapy.__version__.count("."))

