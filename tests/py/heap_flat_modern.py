# timeout: 120
# The modern layer leaves the heap where it was: exchanges, transfers both ways, observations, tasks; with the collector
# running in every handler and stream.
import asyncio
import gc

import microcoapy
from collecting import Stream
from growing import growth
from support import QUICK, finish, pair, ports, settle, start

ROUNDS = 3 if QUICK else 40

parameters = {"message_store": 8192}
client, server, net = pair(**parameters)
HOST = "coap://10.0.0.2/"


@server.resource("small", methods=("GET", "PUT"))
def small(request):
    gc.collect()
    return request.payload or "x"


@server.resource("long")
def long(request):
    return Stream(3000)


@server.resource("up", methods=("PUT",), into=lambda request: Stream(3000))
def up(request):
    gc.collect()
    return "%d" % request.body.left


@server.resource("fails")
def fails(request):
    raise microcoapy.CoapError(0x80)


@server.resource("value", obs=True)
def value(request):
    gc.collect()
    return "x"


def exchanges():
    for _ in range(ROUNDS):
        assert finish(client.get(HOST + "small"), client, server).ok
        assert finish(client.put(HOST + "small", b"body", content_format=0, options=[(2048, b"x")]), client, server).ok
        assert not finish(client.get(HOST + "fails"), client, server).ok
        client.get(HOST + "small").cancel()
    settle(client, server)


def transfers():
    for _ in range(ROUNDS // 3):
        target = Stream(3000)
        assert finish(client.get(HOST + "long", into=target), client, server).ok and target.left == 0
        assert len(finish(client.get(HOST + "long"), client, server).payload) == 3000
        assert finish(client.put(HOST + "up", body=Stream(3000)), client, server).text == "0"
        abandoned = client.get(HOST + "long", into=Stream(3000))
        server.poll(0)
        client.poll(0)
        abandoned.cancel()
    settle(client, server)


def observations():
    for _ in range(ROUNDS // 3):
        observation = client.observe(HOST + "value", callback=lambda response: gc.collect())
        settle(client, server)
        for _ in range(3):
            value.notify()
            settle(server, client)
        observation.cancel()
        settle(client, server)


def links():
    for _ in range(ROUNDS // 3):
        discovery = client.discover(HOST, rt="x")
        settle(client, server)
        assert list(discovery) == []


for work in (exchanges, transfers, observations, links):
    print(work.__name__, growth(work))
print(client.stats()["exchanges_in_use"], client.stats()["observations_in_use"], server.stats()["observers_in_use"])

port, client_port = ports(2)
server = microcoapy.Coap(**parameters)
client = microcoapy.Coap(**parameters)
URI = "coap://127.0.0.1:%d/x" % port


@server.resource("x")
async def x(request):
    await asyncio.sleep_ms(0)
    return "x"


async def main():
    serving = asyncio.create_task(server.serve())
    for _ in range(ROUNDS // 3):
        await asyncio.gather(*[client.get(URI) for _ in range(4)])
        task = asyncio.create_task(wait(client.get(URI)))
        await asyncio.sleep_ms(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
    serving.cancel()


async def wait(exchange):
    await exchange


def tasks():
    asyncio.new_event_loop()
    start(server, port)
    start(client, client_port)
    asyncio.run(main())
    server.stop()
    client.stop()


print("tasks", growth(tasks))


async def leave():
    task = asyncio.create_task(server.serve())
    await asyncio.sleep_ms(0)
    # It does not run any more: the loop is left.
    task.cancel()


def abandoned():
    for _ in range(ROUNDS):
        asyncio.new_event_loop()
        asyncio.run(leave())


start(server, port)
print("abandoned loops", growth(abandoned))
server.stop()
