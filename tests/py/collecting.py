# A body, and the place for one, that runs the collector each time it is called; no test itself.
import gc


class Stream:
    def __init__(self, length):
        self.left = length

    def readinto(self, buffer):
        gc.collect()
        count = min(self.left, len(buffer))
        self.left -= count
        return count

    def write(self, data):
        gc.collect()
        self.left -= len(data)
