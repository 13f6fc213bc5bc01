# SPDX-License-Identifier: MIT
# Fuzzes the boundary to Python. Usage, under build/micropython or build/micropython-asan:
#   boundary.py SEED [BATCHES [REPEATS]] [-v]
# Runs the batches of the seeds SEED, SEED + 1, ...: each calls every method with arguments of every kind, and sockets,
# callbacks and streams do anything. With REPEATS the batch of SEED alone is repeated so often, and the heap must not
# grow. Prints 'seed N' before each batch, 'FINDING ...' and status 1 for what is wrong; -v: each call.
#
# The clock and the engine's own random numbers differ from run to run; all else follows from the seed.
import asyncio
import sys

FOLDER = sys.argv[0].rsplit("/", 1)[0] if "/" in sys.argv[0] else "."
sys.path[1:1] = [FOLDER + "/../../py"]

import asyncio.core  # noqa: E402

from growing import grown, heap  # noqa: E402
from support import finish, pair  # noqa: E402
from world import World, stop  # noqa: E402

CASES = 80
# What may grow though nothing leaks, per six batches: data on the C stack and in buffers that looks like pointers keeps
# a few objects, and as the engine draws its tokens itself, no two batches are quite alike.
SLACK = 4096
REPEATS_MIN = 18


async def awaits(world, thing, iterate):
    try:
        if iterate:
            async for item in thing:
                world.keep(item)
        else:
            world.keep(await thing)
    except BaseException as error:
        world.judge("await %s" % type(thing), error)
        if isinstance(error, asyncio.CancelledError):
            raise


async def tasks(world, chance):
    """Some tasks wait for what there is, while steps go on; then they are cancelled. Nobody waits for them: awaiting what
    is not meant for it may be without end."""
    made = []
    for _ in range(1 + chance.below(4)):
        thing = world.subject(chance)
        made.append(asyncio.create_task(awaits(world, thing, chance.percent(20) or world.is_search(thing))))
    for _ in range(chance.below(5)):
        await asyncio.sleep_ms(chance.one((0, 0, 1, 3)))
        world.step(chance)
    for task in made:
        if chance.percent(80):
            task.cancel()
        await asyncio.sleep_ms(chance.one((0, 0, 1)))


def end_loop():
    """Whatever tasks there are will not run any more."""
    asyncio.core.cur_task = None
    asyncio.new_event_loop()


def check_exchange(world):
    """A fresh pair of endpoints is as good as ever."""
    client, server, _ = pair()
    server.resource("x", value=b"as ever")
    response = finish(client.get("coap://10.0.0.2/x"), client, server)
    if response.payload != b"as ever":
        world.find("a fresh pair exchanged %r" % response.payload)


def batch(seed, verbose=False):
    """The findings."""
    world = World(seed, verbose)
    for number in range(CASES):
        if number % 20 == 19:
            world.waiting += 1
            world.a_case(lambda chance: asyncio.run(tasks(world, chance)))
            world.waiting -= 1
            end_loop()
        else:
            world.a_case(world.step)
    for coap in world.coaps:
        world.call("stop", stop, (coap,))
    end_loop()
    sys.modules.pop("socket")
    check_exchange(world)
    return world.findings


def tell(seed, findings):
    for finding in findings:
        print("FINDING seed %d, %s" % (seed, finding))
    if findings:
        sys.exit(1)


def heap_stays(seed, repeats):
    sizes = []
    for _ in range(repeats):
        tell(seed, batch(seed))
        sizes.append(heap())
    growth = grown(sizes)
    print("heap grew by %d" % growth)
    if growth > SLACK:
        tell(seed, ["the heap grows: %s" % sizes])


def main():
    numbers = [int(argument) for argument in sys.argv[1:] if argument != "-v"]
    seed, batches, repeats = (numbers + [1, 0])[:3] if len(numbers) != 2 else numbers + [0]
    if repeats:
        heap_stays(seed, max(repeats, REPEATS_MIN))
        return
    for number in range(seed, seed + batches):
        print("seed %d" % number)
        tell(number, batch(number, "-v" in sys.argv))


main()
