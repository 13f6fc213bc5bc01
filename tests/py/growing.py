# How much the heap grows; no test itself. Small: heap_40k has little room.
import gc


def scrub(depth=12):
    """Overwrites the part of the C stack below this call: the collector takes any word of the stack for a pointer, and
    a call's frame may leave words of earlier calls in it."""
    a = b = c = d = e = f = g = h = 0
    if depth:
        scrub(depth - 1)
    return a + b + c + d + e + f + g + h


def heap():
    scrub()
    gc.collect()
    return gc.mem_alloc()


def grown(sizes):
    """Bytes by which the heap has grown from third to third of these sizes.

    The smallest size of a third has the fewest objects that the collector keeps by chance: data that looks like a pointer.
    What has grown once and then no more was such chance: the smaller growth of two counts.
    """
    rounds = len(sizes) // 3
    first, second, third = (min(sizes[n * rounds : (n + 1) * rounds]) for n in range(3))
    return max(0, min(second - first, third - second))


def growth(work, rounds=6):
    """Bytes by which the heap grows each time the work is done `rounds` times. The first time does what is done once."""
    work()
    sizes = [0] * (3 * rounds)
    for number in range(len(sizes)):
        work()
        sizes[number] = heap()
    return grown(sizes)
