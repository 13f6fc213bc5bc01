# Observations: by callback, by wait and as an asynchronous iterator; notify(), its interval, and who ends what.
import asyncio
import time
import microcoapy
from support import CLIENT, SERVER, dotted, message, pair, ports, raised, settle, start

value = 0


def serve(server, **keywords):
    def handler(request):
        if value == "gone":
            raise microcoapy.CoapError(0x84, "gone")
        return "v%s" % value

    return server.resource("value", obs=True, **keywords)(handler)


def change(to, *resources):
    global value
    value = to
    for resource in resources:
        resource.notify()


print("-- callback")
client, server, net = pair()
resource = serve(server)
observation = client.observe("coap://10.0.0.2/value", callback=lambda r: print(" ", r, r.observe is not None))
settle(client, server)
for number in range(3):
    change(number, resource)
    settle(server, client)
print(server.stats()["observers_in_use"], client.stats()["observations_in_use"], observation.done())
observation.cancel()
observation.cancel()
settle(client, server)
change(9, resource)
settle(server, client)
print(server.stats()["observers_in_use"], client.stats()["observations_in_use"], observation.done(), observation.wait())

print("-- wait")
observation = client.observe("coap://10.0.0.2/value")
print(raised(observation.wait, 1))
settle(server, client)
print(observation.wait(), raised(observation.wait, 1))
change(1, resource)
change(2, resource)
settle(server, client)
change(3, resource)
settle(server, client)
print(observation.wait(), observation.wait(), raised(observation.wait, 1))
print("-- the server ends it")
change("gone", resource)
settle(server, client)
print(observation.wait(), observation.wait(), observation.done(), server.stats()["observers_in_use"])
change(0)
observation = client.observe("coap://10.0.0.2/value")
settle(client, server)
print(observation.wait())
del server.callbacks["value"]
server.resource("other")(lambda request: "")
settle(server, client)
settle(server, client)
print(observation.wait(), observation.wait(), server.stats()["observers_in_use"])

print("-- not observable, not there, an answer without Observe")
for path in ("other", "none"):
    observation = client.observe("coap://10.0.0.2/" + path)
    settle(client, server)
    print(observation.wait(), observation.wait(), observation.done(), client.stats()["observations_in_use"])

print("-- queue: the latest eight, and an end to one that nobody looks at")
resource = serve(server)
observation = client.observe("coap://10.0.0.2/value")
settle(client, server)
for number in range(20):
    change(number, resource)
    settle(server, client)
taken = []
while True:
    try:
        taken.append(observation.wait(0).text)
    except OSError:
        break
print(taken)
for number in range(40):
    change(number, resource)
    settle(server, client)
settle(client, server)
print(observation.done(), server.stats()["observers_in_use"])

print("-- client stops; server stops")
observation = client.observe("coap://10.0.0.2/value")
settle(client, server)
client.stop()
print(observation.done(), observation.wait(), observation.wait())
client, server, net = pair()
resource = serve(server, min_interval=40)

print("-- minimum interval: what changes in between is told once, and the latest state arrives")
observation = client.observe("coap://10.0.0.2/value")
settle(client, server)
observation.wait()
begun = time.ticks_ms()
told = []
number = 0
while not told or told[-1] != "v200":
    if number < 200:
        number += 1
        change(number, resource)
    server.poll(1)
    client.poll(0)
    try:
        told.append(observation.wait(0).text)
    except OSError:
        pass
print(told[-1], len(told) <= time.ticks_diff(time.ticks_ms(), begun) // 40 + 2)

print("-- non-confirmable")
client, server, net = pair()
resource = serve(server, non=True)
types = []
observation = client.observe("coap://10.0.0.2/value", callback=lambda r: types.append(r.type))
settle(client, server)
change(1, resource)
settle(server, client)
print(types)

print("-- block by block")
client, server, net = pair()
long = server.resource("long", obs=True, etag=lambda request: b"%d" % value)(lambda request: b"%d" % value * 3000)
change(0)
observation = client.observe("coap://10.0.0.2/long")
for number in range(3):
    change(number, long)
    settle(server, client)
    settle(server, client)
    settle(server, client)
    r = observation.wait()
    print(dotted(r.code), len(r.payload), set(r.payload) == {48 + number}, r.etag)
print(client.stats()["bodies_in_use"], client.stats()["exchanges_in_use"])


async def main():
    port, nobody = ports(2)
    server = microcoapy.Coap()
    resource = serve(server)
    start(server, port)
    client = microcoapy.Coap()
    start(client, 0)
    serving = asyncio.create_task(server.serve())
    change(0)
    uri = "coap://127.0.0.1:%d/value" % port

    print("-- async for")

    async def changes():
        for number in range(1, 6):
            change(number, resource)
            await asyncio.sleep_ms(10)

    changing = asyncio.create_task(changes())
    seen = []
    async with client.observe(uri) as observation:
        async for r in observation:
            seen.append(int(r.text[1:]))
            if seen[-1] == 5:
                break
    await changing
    print(seen == sorted(seen), seen[-1], observation.done())
    while server.stats()["observers_in_use"] or client.stats()["exchanges_in_use"]:
        await asyncio.sleep_ms(1)
    print("forgotten")

    print("-- only forgotten: the next notification is rejected")
    observation = client.observe(uri)
    await observation.__anext__()
    sent = client.stats()["sent"]
    observation.cancel(False)
    print(observation.done(), client.stats()["exchanges_in_use"], client.stats()["sent"] == sent, server.stats()["observers_in_use"])
    resets = server.stats()["resets"]
    change(5, resource)
    while server.stats()["observers_in_use"]:
        client.poll(-1)  # nobody waits for anything
        await asyncio.sleep_ms(1)
    print("rejected", server.stats()["resets"] - resets)

    print("-- wait_for does not end it")
    observation = client.observe(uri)
    print(await observation.__anext__())
    for _ in range(2):
        try:
            await asyncio.wait_for_ms(observation.__anext__(), 10)
        except asyncio.TimeoutError:
            print("nothing new")
    change(6, resource)
    print(await asyncio.wait_for_ms(observation.__anext__(), 60000))
    change("gone", resource)
    print(await observation.__anext__())
    async for r in observation:
        print("never")
    change(0)

    print("-- a task that waits is cancelled; another one goes on")
    observation = client.observe(uri)
    await observation.__anext__()
    waiting = asyncio.create_task(observation.__anext__())
    await asyncio.sleep_ms(0)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        print("cancelled")
    change(8, resource)
    print(await observation.__anext__())
    server.stop()
    client.stop()
    async for r in observation:
        print("never")
    await serving
    print("stopped")


asyncio.run(main())
