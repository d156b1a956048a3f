"""What every training loop shares: the loop, its monitor, devices, processes and weights."""
