"""Damage the content of files whose format stays valid."""

import io
import pickle
import random
import zipfile
from xml.etree import ElementTree

import h5py
import numpy as np
import scipy.io
import torch
import yaml
from mutation import ODD_TEXTS, Damage, damaged_tree, odd_array


def damaged_shard(chance: random.Random, data: bytes) -> bytes:
    """Damage datasets and attributes of a shard without a checksum."""
    held = io.BytesIO(data)
    with h5py.File(held, "r+") as file:
        for _ in range(chance.randint(1, 3)):
            held_here = [
                name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)
            ]  # an earlier damage may have inserted a broken link
            groups = [
                name for name in held_here if name.startswith("v0") and isinstance(file[name], h5py.Group)
            ]
            parent = file[chance.choice(["/", *groups])]
            names = [*parent, "odd"]
            match chance.randrange(6):
                case 0 if len(names) > 1:
                    del parent[names[0] if len(names) < 3 else chance.choice(names[:-1])]
                case 1 if list(parent.attrs):
                    del parent.attrs[chance.choice(list(parent.attrs))]
                case 2:
                    parent.attrs[chance.choice([*parent.attrs, "odd"])] = chance.choice(
                        [0, -1, 2.5, "x", "", "{", "[1]", np.zeros(2), float("nan"), 2**40]
                    )
                case 3:
                    name = chance.choice(names)
                    if name in parent:
                        del parent[name]
                    parent[name] = chance.choice(
                        [h5py.SoftLink("/v000000"), h5py.ExternalLink("good.h5", "/"), h5py.SoftLink("/none")]
                    )
                case _:
                    name = chance.choice(names)
                    if name in parent:
                        del parent[name]
                    parent[name] = odd_array(chance)
    return held.getvalue()


def damaged_pickle(chance: random.Random, data: bytes) -> bytes:
    """Replace a value of the annotations and pickle them again."""
    return pickle.dumps(damaged_tree(chance, pickle.loads(data)), protocol=chance.choice([0, 2, 4]))


def damaged_yaml(chance: random.Random, data: bytes) -> bytes:
    tree = yaml.safe_load(data)
    for _ in range(chance.randint(1, 3)):
        tree = damaged_tree(chance, tree)
    return yaml.safe_dump(tree).encode()


def damaged_xml(chance: random.Random, data: bytes) -> bytes:
    """Damage attributes, text, name or place of elements."""
    root = ElementTree.fromstring(data)
    for _ in range(chance.randint(1, 3)):
        element = chance.choice([*root.iter()])
        odd = chance.choice([text for text in ODD_TEXTS if text.isprintable()])
        match chance.randrange(8):
            case 0 if len(element):
                element.remove(chance.choice([*element]))
            case 1 if len(element):
                element.append(chance.choice([*element]))
            case 2:
                element.append(ElementTree.Element(chance.choice(["box", "track", "meta", "image", "odd"])))
            case 3 if element.attrib:
                del element.attrib[chance.choice([*element.attrib])]
            case 4 | 5 | 6 if element.attrib:
                element.attrib[chance.choice([*element.attrib])] = odd
            case _:
                element.text = odd
    return ElementTree.tostring(root)


def damaged_member(**damages: tuple[Damage, ...]) -> Damage:
    """A zip of which one file is damaged, as its suffix says, gone, there twice, or of another name."""

    def damaged(chance: random.Random, data: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as good:
            members = [(name, good.read(name)) for name in good.namelist()]
        at = chance.randrange(len(members))
        name, content = members[at]
        match chance.randrange(10):
            case 0:
                del members[at]
            case 1:
                members.append(members[at])
            case 2:
                members[at] = (
                    chance.choice([*ODD_TEXTS, "gt.txt", "v/gt.txt", "a/b/gt/gt.txt", "C:x.txt"]),
                    content,
                )
            case _:
                damage = chance.choice(damages[name.rpartition(".")[2]])
                members[at] = name, damage(chance, content)
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as made:
            for name, content in members:
                made.writestr(name.encode(errors="replace").decode() or "x", content)
        return held.getvalue()

    return damaged


def damaged_matlab(chance: random.Random, data: bytes) -> bytes:
    """A MATLAB file, of version 5, with a field of its structures replaced."""
    content = scipy.io.loadmat(io.BytesIO(data))
    name = chance.choice([key for key in content if not key.startswith("__")])
    held = io.BytesIO()
    changed = damaged_struct(chance, content[name])
    scipy.io.savemat(
        held, {chance.choice([name] * 9 + ["odd"]): changed}, do_compression=chance.random() < 0.5
    )
    return held.getvalue()


def damaged_struct(chance: random.Random, value: np.ndarray) -> np.ndarray:
    """An array of structures with one of their fields replaced."""
    if value.dtype.names and value.size and chance.random() < 0.9:
        value = value.copy()
        field = chance.choice(value.dtype.names)
        at = np.unravel_index(chance.randrange(value.size), value.shape)
        value[field][at] = damaged_struct(chance, value[field][at])
        return value
    if chance.random() < 0.2:
        return value[:0]
    return chance.choice([odd_array(chance), np.array([chance.choice(ODD_TEXTS)])])


def damaged_hdf5(chance: random.Random, data: bytes) -> bytes:
    """HDF5 with a dataset gone, linked elsewhere, or of other values."""
    held = io.BytesIO(data)
    with h5py.File(held, "r+") as file:
        name = chance.choice([*file, "odd", "instance"])
        if name in file:
            del file[name]
        match chance.randrange(8):
            case 0:
                pass
            case 1:
                file[name] = chance.choice([h5py.SoftLink("/id"), h5py.ExternalLink("good.h5", "/id")])
            case 2:
                file.create_group(name)
            case 3:
                file.create_dataset(name, (1 << 20, 1 << 20, 3), "f8", chunks=True)
            case 4:
                file[name] = chance.choice(["text", np.array([file.ref], h5py.ref_dtype), h5py.Empty("f4")])
            case _:
                file[name] = odd_array(chance)
    return held.getvalue()


def damaged_weights(chance: random.Random, data: bytes) -> bytes:
    """What ``torch.save`` wrote, with a value replaced."""
    tree = torch.load(io.BytesIO(data), weights_only=True)
    for _ in range(chance.randint(1, 2)):
        tree = damaged_tree(chance, tree)
    if (
        chance.random() < 0.4
        and isinstance(tree, dict)
        and isinstance(tree.get("state"), dict)
        and tree["state"]
    ):
        tree["state"][chance.choice([*tree["state"]])] = odd_tensor(chance)
    held = io.BytesIO()
    torch.save(tree, held, _use_new_zipfile_serialization=chance.random() < 0.7)
    return held.getvalue()


def odd_tensor(chance: random.Random) -> torch.Tensor:
    """A tensor of any small shape and of many kinds."""
    match chance.randrange(6):
        case 0:
            return torch.ones(2, 2).to_sparse()
        case 1:
            return torch.zeros(1).expand(1 << 40)
        case 2:
            return torch.zeros(2, device="meta")
        case 3:
            return torch.quantize_per_tensor(torch.ones(3), 1.0, 0, torch.quint8)
    return torch.from_numpy(odd_array(chance).astype("f4"))
