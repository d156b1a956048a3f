"""Readers and writers of tubes in the formats of other tools: COCO JSON, MOT text, CVAT XML."""
