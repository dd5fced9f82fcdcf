"""Receptive fields on paper: which positions of the network's input each output of a layer depends on. No torch.

`windows` is the arithmetic of one axis, `sights` what a tensor sees along all axes, `rules` what each sort of layer makes of
it, `fold` the walk over the rows of a network.
"""
