# Tasks that wait for exchanges: many at once, cancelled, out of time, in a new event loop; handlers that are coroutines.
import asyncio
import gc
import microcoapy
from support import capacity, ports, raised, start, told

port, nobody = ports(2)
HOST = "coap://127.0.0.1:%d/" % port
NOBODY = "coap://127.0.0.1:%d/x" % nobody
runs = []
begun = 0  # requests for what never ends
release = asyncio.Event()  # what never ends until then would take all places of a small server


def make_server():
    server = microcoapy.Coap(ack_timeout=200)

    @server.resource("quick")
    def quick(request):
        return request.query

    @server.resource("slow", methods=("GET", "PUT"))
    async def slow(request):
        runs.append(request.query)
        sent = server.stats()["sent"]
        while request.type == 0 and server.stats()["sent"] == sent:  # the ACK
            await asyncio.sleep_ms(5)
        return "slow " + request.query

    @server.resource("fails")
    async def fails(request):
        if request.query == "early":
            raise microcoapy.CoapError(0x84)
        await asyncio.sleep_ms(1)
        if request.query:
            raise microcoapy.CoapError(0x80, request.query)
        raise RuntimeError("in a coroutine")

    @server.resource("never")
    async def never(request):
        global begun
        begun += 1
        await release.wait()

    @server.resource("nested")
    def nested(request):
        # a blocking call in a handler of the loop's own thread would stop the loop
        return raised(server.get, HOST + "quick") if request.query else raised(client.get(HOST + "quick").wait)

    @server.resource("calls")
    async def calls(request):
        return (await client.get(HOST + "quick?" + request.query)).payload

    start(server, port)
    return server


server = make_server()
client = microcoapy.Coap(nstart=30)
start(client, 0)


async def failure(awaitable):
    try:
        return await awaitable
    except asyncio.CancelledError:
        return "cancelled"
    except Exception as error:
        return told(error)


async def has_begun(count):
    while begun < count:
        await asyncio.sleep_ms(1)


async def let_go(count):
    global begun
    await has_begun(count)
    begun = 0
    release.set()
    while server.stats()["requests_in_use"]:
        await asyncio.sleep_ms(1)
    release.clear()


async def main():
    serving = asyncio.create_task(server.serve())
    print("-- one after another, and many at once")
    print(await client.get(HOST + "quick?1"))
    count = capacity(20)
    exchanges = [client.get(HOST + "quick?%d" % i) for i in range(count)]
    responses = await asyncio.gather(*exchanges)
    print([r.text for r in responses] == [str(i) for i in range(count)])
    print(await exchanges[0] is responses[0], exchanges[0].done(), exchanges[0].wait() is responses[0])

    print("-- several tasks, one exchange")
    exchange = client.get(HOST + "slow?shared")
    first = asyncio.create_task(failure(exchange))
    second = asyncio.create_task(failure(exchange))
    print(await first, "|", await second)

    print("-- a slow handler: a separate response, and the handler runs once")
    del runs[:]
    r = await client.get(HOST + "slow?a")
    print(r, r.type, runs)
    r = await client.get(HOST + "slow?b", non=True)
    print(r, r.type, runs)
    both = await asyncio.gather(client.get(HOST + "slow?c"), client.get(HOST + "quick?d"))
    print(both)

    print("-- errors of coroutines")
    print(await client.get(HOST + "fails"), await client.get(HOST + "fails?text"), await client.get(HOST + "fails?early"), await client.get(HOST + "quick?on"))

    print("-- timeouts")
    hasty = microcoapy.Coap(ack_timeout=20, max_retransmit=1)
    start(hasty, 0)
    print(await failure(hasty.get(NOBODY)), "|", await failure(client.get(HOST + "never", timeout=0.05)))
    print(await failure(asyncio.wait_for_ms(client.get(HOST + "never"), 30)))
    print(client.stats()["exchanges_in_use"], client.stats()["transmissions_in_use"])
    hasty.stop()
    await let_go(2)

    print("-- cancelling a task cancels its exchange")
    exchange = client.get(HOST + "never")
    task = asyncio.create_task(failure(exchange))
    await has_begun(1)
    print(client.stats()["exchanges_in_use"])
    task.cancel()
    print(await task, exchange.done(), client.stats()["exchanges_in_use"])
    await let_go(1)
    exchange = client.get(HOST + "never")
    task = asyncio.create_task(failure(exchange))
    await has_begun(1)
    exchange.cancel()
    print(await task)
    await let_go(1)
    task = asyncio.create_task(failure(client.get(HOST + "quick?x")))
    task.cancel()
    print(await failure(task))

    print("-- what nobody awaits is sent and ends all the same")
    exchange = client.get(HOST + "quick?alone")
    while not exchange.done():
        await asyncio.sleep_ms(1)
    print(exchange.wait())

    print("-- blocking calls in the loop")
    print(await client.get(HOST + "nested"))
    print(await client.get(HOST + "calls?deep"))
    print(raised(client.poll, 10), "|", raised(server.run))

    print("-- gc while tasks wait")
    pending = [asyncio.create_task(failure(client.get(HOST + "slow?%d" % i))) for i in range(3)]
    for _ in range(3):
        gc.collect()
        await asyncio.sleep_ms(20)
    print([r.text for r in await asyncio.gather(*pending)])

    print("-- serve ends")
    serving.cancel()
    print(await failure(serving))
    serving = asyncio.create_task(failure(server.serve()))
    print(await client.get(HOST + "quick?again"))
    server.stop()
    print(await serving)
    exchange = client.get(HOST + "never")
    client.stop()
    print(await failure(exchange))


asyncio.run(main())

print("-- a new event loop")
for _ in range(3):
    asyncio.new_event_loop()
    server = make_server()
    start(client, 0)

    async def again():
        serving = asyncio.create_task(server.serve())
        print(await client.get(HOST + "quick?new"))
        serving.cancel()

    asyncio.run(again())
    server.stop()
    client.stop()

print("-- a handler that outlives its request")


async def outliving():
    ended = []
    # NON_LIFETIME and EXCHANGE_LIFETIME of a few hundred milliseconds
    server = microcoapy.Coap(ack_timeout=20, max_retransmit=1, max_latency=50, processing_delay=20)

    @server.resource("long", methods=("GET", "POST"))
    async def long(request):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(request.query)
            raise

    @server.resource("answered")
    async def answered(request):
        server.sendResponse(*request.sender, request.messageid, "early", 69, 0, request.token)
        await asyncio.sleep_ms(600)
        ended.append("answered, and went on")

    start(server, nobody)
    start(client, 0)
    host = "coap://127.0.0.1:%d/" % nobody
    serving = asyncio.create_task(server.serve())
    asks = [asyncio.create_task(failure(client.get(host + "long?" + name, timeout=1, non=name == "non"))) for name in ("con", "non")]
    print((await client.get(host + "answered")).payload)
    for ask in asks:
        print(await ask)
    while len(ended) < 3:
        await asyncio.sleep_ms(10)
    print(sorted(ended), server.stats()["requests_in_use"])
    server.stop()
    await serving


asyncio.run(outliving())

print("-- run() serves until stop()")
server = make_server()


@server.resource("stop", methods=("POST",))
async def stop(request):
    await asyncio.sleep_ms(1)
    asyncio.create_task(stopping())
    return "stopping"


async def stopping():
    await answered.wait()
    server.stop()


start(client, 0)
asyncio.new_event_loop()
answered = asyncio.Event()


async def ask():
    print(await client.post(HOST + "stop", b""))
    answered.set()


asyncio.create_task(ask())
print(server.run())
