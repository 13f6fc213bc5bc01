# A task that calls send() of what can be awaited, and goes on: it is in no queue twice, and asyncio stays whole.
# needs: modern,observe
import asyncio

import microcoapy
from support import pair, settle

client, server, net = pair(nstart=4)
HOST = "coap://10.0.0.2/"
value = server.resource("x", obs=True)(lambda request: "x")
trace = []


def by_hand(awaitable):
    """As a coroutine that awaits it would, but nothing is yielded to the event loop."""
    try:
        return awaitable.send(None)
    except StopIteration as stop:
        return stop.value


async def naps(name, ms):
    await asyncio.sleep_ms(ms)
    trace.append(name)


async def answered_at_once():
    exchange = client.get(HOST + "x")
    by_hand(exchange)
    settle(server, client)  # it is over while this task runs
    await asyncio.sleep_ms(1)
    trace.append(by_hand(exchange).payload)


async def answered_later():
    exchange = client.get(HOST + "x")
    by_hand(exchange)
    await asyncio.sleep_ms(1)
    settle(server, client)  # it is over while this task waits for something else
    await asyncio.sleep_ms(1)
    trace.append(by_hand(exchange).payload)


async def two_at_once():
    exchanges = [client.get(HOST + "x") for _ in range(2)]
    for exchange in exchanges:
        by_hand(exchange)
    await naps("between", 1)
    settle(server, client)
    for exchange in exchanges:
        trace.append((await exchange).payload)


async def observes():
    observation = client.observe(HOST + "x")
    by_hand(observation.__aiter__().__anext__())
    settle(server, client)
    await asyncio.sleep_ms(1)
    observation.cancel()
    settle(server, client)
    trace.append("observed")


async def main():
    for case in (answered_at_once, answered_later, two_at_once, observes):
        tasks = [asyncio.create_task(naps(number, 2 * number)) for number in range(4)]
        await case()
        for task in tasks:
            await task
        naps_done = sorted(item for item in trace if isinstance(item, int))
        print(naps_done, [item for item in trace if not isinstance(item, int)])
        del trace[:]


asyncio.run(main())
