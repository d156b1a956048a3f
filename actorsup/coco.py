"""COCO's 80 object categories: names and the ids of its annotation files (1-90, with gaps)."""

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
"""Category id (1-90) to name."""

ID_OF: dict[str, int] = {name: i for i, name in NAME_OF.items()}
"""Name to category id (1-90)."""

CONTIGUOUS: tuple[int, ...] = tuple(NAME_OF)
"""Category ids (1-90) by contiguous index (0-79), as in YOLOX."""


def category_ids(names: list[str]) -> list[int]:
    """Return the COCO category ids of actors of interest.

    Raises:
        ConfigError: A name is not a COCO category.
    """
    unknown = [name for name in names if name not in ID_OF]
    if unknown:
        raise ConfigError(f"actors: {unknown[0]!r} is not a COCO category; allowed: {', '.join(ID_OF)}")
    return [ID_OF[name] for name in names]
