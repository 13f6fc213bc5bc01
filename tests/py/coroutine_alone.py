# Coroutines that answer where no event loop runs, under poll(). One that need not wait answers; one that waits is closed
# and answered 5.00, and nothing of it is left in asyncio's queues.
# needs: modern
# stderr: varies
import asyncio
import microcoapy
from support import dotted, pair, raised, settle

client, server, net = pair(nstart=4)
HOST = "coap://10.0.0.2/"
event = asyncio.Event()
lock = asyncio.Lock()
flag = asyncio.ThreadSafeFlag()
trace = []


async def at_once():
    return b"at once"


async def naps(ms):
    await asyncio.sleep_ms(ms)
    trace.append(ms)


async def naps_when_closed():
    try:
        await asyncio.sleep_ms(1)
    finally:
        trace.append("closed")
        await asyncio.sleep_ms(2)


async def never_closes():
    while True:
        try:
            await asyncio.sleep_ms(1)
        except GeneratorExit:
            trace.append("ignored")


class Keeper:
    """Waits in a queue of its own, which fails."""

    def __iter__(self):
        return self

    def __next__(self):
        asyncio.core.cur_task.data = self

    def remove(self, task):
        raise ValueError("not in it")


async def holds():
    await lock.acquire()
    await event.wait()


async def main():
    global other
    await lock.acquire()
    other = asyncio.create_task(naps(20))
    await asyncio.sleep_ms(0)


asyncio.run(main())
WAITS = (
    ("sleep", lambda: asyncio.sleep_ms(5)),
    ("coroutine", lambda: naps(5)),
    ("event", event.wait),
    ("lock", lock.acquire),
    ("flag", flag.wait),
    ("task", lambda: other),
    ("gather", lambda: asyncio.gather(naps(3), naps(4))),
    ("timeout", lambda: asyncio.wait_for_ms(naps(6), 7)),
    ("own", Keeper),
    ("exchange", lambda: server.get("coap://10.0.0.1/x")),
    ("serve", server.serve),
    ("closing", naps_when_closed),
    ("stays", never_closes),
)


@server.resource("now")
async def now(request):
    return await at_once()


@server.resource("wait")
async def wait(request):
    name, awaitable = WAITS[int(request.query)]
    try:
        await awaitable()
        trace.append("went on")
    except Exception as error:
        trace.append(repr(error))
        raise
    finally:
        trace.append("end")


def ask(path):
    exchange = client.get(HOST + path)
    settle(client, server)
    r = exchange.wait(0)
    return dotted(r.code), r.payload


print(*ask("now"))
for number, (name, awaitable) in enumerate(WAITS):
    print(name, *ask("wait?%d" % number), trace, asyncio.core.cur_task)
    del trace[:]


# All of asyncio still works: the loop, and each thing that was waited for.
async def after():
    await asyncio.sleep_ms(10)
    await asyncio.gather(naps(11), naps(12))
    lock.release()
    holder = asyncio.create_task(holds())
    await asyncio.sleep_ms(1)
    event.set()
    await holder
    flag.set()
    await flag.wait()
    await other
    print(sorted(trace), lock.locked(), other.done())


asyncio.run(after())
print(*ask("now"))
