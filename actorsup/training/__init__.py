"""Training code of all networks: loop, monitor, distributed processes, devices, weights, backbones."""
