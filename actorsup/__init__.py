"""Actor Supervision: spatiotemporal action localization learned from video-level labels.

The packages read in the order of the data: ``datasets``, ``frames``, ``detection``,
``linking``, ``attention``, ``evaluation``; none imports one that comes later. Shared ground
is ``boxes``, ``tubes``, ``storage`` and the small modules beside them.

Inside, boxes are float32 xyxy in pixels of the source frame, frames are 0-based and
intervals are half-open.
"""

__version__ = "0.1.0"
