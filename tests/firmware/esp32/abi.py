# Register windows, variable arguments, and calls between C and Rust (boards/qemu-esp32/abi.c).
import abi

checks, failures = abi.check()
print("checked:", checks > 100, "failures:", failures)
