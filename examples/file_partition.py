# A file that behaves as a partition of flash memory (esp32.Partition), to try firmware_update.py without a board.

BLOCK_COUNT, BLOCK_SIZE = 4, 5  # what ioctl() is asked for, as of any block device of MicroPython


class FilePartition:
    """`blocks` blocks of 4096 bytes in the file `path`, which is made if there is none."""

    SIZE = 4096

    def __init__(self, path, blocks=64):
        self.path = path
        self.blocks = blocks
        try:
            self.file = open(path, "r+b")
        except OSError:
            with open(path, "wb") as new:
                for _ in range(blocks):
                    new.write(b"\xff" * self.SIZE)  # erased
            self.file = open(path, "r+b")

    def ioctl(self, operation, argument):
        return {BLOCK_COUNT: self.blocks, BLOCK_SIZE: self.SIZE}.get(operation, 0)

    def readblocks(self, number, buffer, offset=0):
        self.file.seek(number * self.SIZE + offset)
        self.file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=0):
        if number * self.SIZE + offset + len(buffer) > self.blocks * self.SIZE:
            raise OSError(28)  # ENOSPC
        self.file.seek(number * self.SIZE + offset)
        self.file.write(buffer)
        self.file.flush()

    def set_boot(self):
        """Writes the partition's name to the file `boot` beside it."""
        folder, slash, name = self.path.rpartition("/")
        with open(folder + slash + "boot", "w") as boot:
            boot.write(name)
