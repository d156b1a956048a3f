"""A cache of tensors that is limited by their size."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence

from torch import Tensor

from actorsup.artifacts.images import Image


class ByteCache:
    """Keeps the most recently used tensors of videos.

    Keys contain the ``id`` of a video's images. The cache also holds the images, so that no other object
    gets their id while the entry exists.

    Args:
        limit: Maximum number of bytes. The most recent tensor is kept even if it is larger.

    Attributes:
        size: Bytes in the cache.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self._kept: OrderedDict[Hashable, tuple[Sequence[Image], Tensor]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Tensor | None:
        """Return the tensor of a key, or None."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][1]

    def put(self, key: Hashable, images: Sequence[Image], tensor: Tensor) -> Tensor:
        """Add a tensor, drop the least recently used ones beyond the limit, and return the new one."""
        self._kept[key] = images, tensor
        self.size += tensor.nbytes
        while self.size > self.limit and len(self._kept) > 1:
            _, (_, dropped) = self._kept.popitem(last=False)
            self.size -= dropped.nbytes
        return tensor

    def disable(self) -> None:
        """Drop all tensors and set the limit to 0."""
        self._kept.clear()
        self.limit = self.size = 0
