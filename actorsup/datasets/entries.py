"""Tell the entries of a folder apart: files of the system, documents, special files, unusable names."""

import os
import re
import stat

from actorsup.formats.video_ids import MAX_PART_BYTES

_SYSTEM_NAMES = frozenset(
    "@eadir @recycle @tmp @sharebin #recycle #snapshot __macosx $recycle.bin recycler lost+found found.000 "
    "thumbs.db ehthumbs.db desktop.ini icon\r".split(" ")
) | {"system volume information"}
"""Lower-case names of files and folders that operating systems and network storage create."""
_SYSTEM_SUFFIXES = ("@SynoEAStream", "@SynoResource")
_DOCUMENT = re.compile(r"(readme|licen[cs]e|copying|changelog|citation|notice|authors)\b", re.IGNORECASE)


def is_ignored(name: str) -> bool:
    """Whether a file or folder is hidden or was created by a system."""
    return name[0] == "." or name.lower() in _SYSTEM_NAMES or name.endswith(_SYSTEM_SUFFIXES)


def is_document(name: str) -> bool:
    """Whether a file describes a data set, such as ``README.md``; nobody expects it to be used."""
    return bool(_DOCUMENT.match(name))


def escape_name(name: str) -> str:
    """Return a file name as UTF-8 text; a byte that is not UTF-8 becomes a backslash, x and two digits."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def describe_name_problem(name: str) -> str:
    """Say why a video or a folder of videos cannot have this name, and what to do; "" if it can."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8, as tables are; rename it"
    if length > MAX_PART_BYTES:
        return f"its name has {length} bytes, and files of results at most {MAX_PART_BYTES}; shorten it"
    return "its name has a backslash, which separates folders in tables; rename it" if "\\" in name else ""


def describe_special_file(entry: os.DirEntry[str]) -> str:
    """Say what an entry is that is neither a file nor a folder, and what to do.

    Raises:
        OSError: The entry cannot be examined, such as a link to itself.
    """
    if entry.is_symlink() and not os.path.exists(entry.path):
        return f"a link to {escape_name(os.readlink(entry.path))}, which does not exist; repair or remove it"
    kinds = {"socket": stat.S_ISSOCK, "pipe": stat.S_ISFIFO, "device": stat.S_ISCHR}
    mode = entry.stat().st_mode
    kind = next((kind for kind, test in kinds.items() if test(mode)), "special file")
    return f"a {kind}; wanted a regular file; remove it"
