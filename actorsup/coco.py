"""The 80 object categories of COCO: names, and ids as in its annotation files (1-90, with gaps)."""

from actorsup.errors import ConfigError

_NAMES = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,"
    ",stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,,"
    "backpack,umbrella,,,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,"
    "baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,,wine glass,cup,"
    "fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,"
    "cake,chair,couch,potted plant,bed,,dining table,,,toilet,,tv,laptop,mouse,remote,"
    "keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,,book,clock,vase,scissors,"
    "teddy bear,hair drier,toothbrush"
).split(",")

NAME_OF: dict[int, str] = {i: name for i, name in enumerate(_NAMES, 1) if name}
"""Category name by category id (1-90)."""

ID_OF: dict[str, int] = {name: i for i, name in NAME_OF.items()}
"""Category id (1-90) by category name."""

CONTIGUOUS: tuple[int, ...] = tuple(NAME_OF)
"""Category id (1-90) at each contiguous index (0-79), which YOLOX uses."""


def category_ids(names: list[str]) -> list[int]:
    """Return the COCO category ids (1-90) of category names.

    Raises:
        ConfigError: A name is not a COCO category.
    """
    unknown = [name for name in names if name not in ID_OF]
    if unknown:
        raise ConfigError(f"actors: {unknown[0]!r} is not a COCO category; allowed: {', '.join(ID_OF)}")
    return [ID_OF[name] for name in names]
