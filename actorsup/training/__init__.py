"""Shared parts of training: the loop, its monitor, processes, devices, weights and backbones."""
