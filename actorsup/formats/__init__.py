"""Tubes in the forms of other tools: COCO JSON, MOT text, CVAT XML."""
